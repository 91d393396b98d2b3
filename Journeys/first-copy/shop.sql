CREATE TABLE customers (
  id INTEGER PRIMARY KEY NOT NULL, name VARCHAR(40) NOT NULL, city TEXT, credit DECIMAL(10,2) NOT NULL, since DATE);
INSERT INTO customers VALUES
  (1, 'Ada Lovelace', 'London', 1250.50, '2024-02-29'),
  (2, '李雷', '上海', -3.20, NULL),
  (3, 'O''Neill, "Pat"', '', 0.00, '1999-12-31'),
  (4, 'line
break', NULL, 99999999.99, '2026-11-21');
