CREATE TABLE goods (id INTEGER PRIMARY KEY, name VARCHAR(40), price DECIMAL(10,2));
INSERT INTO goods VALUES (1, '茶', 12.50), (2, 'tea "pot"', 88.00);
CREATE TABLE sales (id INTEGER PRIMARY KEY, goods_id INTEGER, qty INTEGER, sold_on DATE);
INSERT INTO sales VALUES (1, 1, 3, '2026-11-20'), (2, 1, 1, '2026-11-21'), (3, 2, 0, '2026-11-21'), (4, 2, 2, '2026-11-21');
