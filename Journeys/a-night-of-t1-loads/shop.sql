CREATE TABLE customers (id INTEGER PRIMARY KEY, name VARCHAR(40), city VARCHAR(20));
INSERT INTO customers VALUES (1, '李雷', '上海'), (2, '韩梅梅', NULL), (3, 'O''Brien', 'Cork');
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER, amount DECIMAL(10,2), changed_at DATETIME);
INSERT INTO orders VALUES (1, 1, 10.50, '2026-11-19 09:00:00'), (2, 2, 7.25, '2026-11-20 18:30:00'),
  (3, 1, 99.90, '2026-11-21 00:00:00'), (4, 3, 5.00, '2026-11-21 23:59:59'), (5, 3, 1.00, '2026-11-22 00:00:00');
