CREATE TABLE customers (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'never reused',
  name VARCHAR(60) NOT NULL,
  email VARCHAR(80),
  level ENUM('new', 'regular', '贵宾') NOT NULL DEFAULT 'new',
  credit DECIMAL(20,4) NOT NULL DEFAULT 0,
  active TINYINT(1) NOT NULL,
  settings JSON,
  avatar BLOB,
  last_seen DATETIME(6),
  created TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  UNIQUE KEY customers_email (email)
) COMMENT = 'people who buy';
CREATE TABLE `order lines` (
  order_id INT NOT NULL, line SMALLINT NOT NULL, `品名` VARCHAR(40), amount DOUBLE, waited TIME,
  PRIMARY KEY (order_id, line), KEY lines_name (`品名`));
SET time_zone = '+00:00';
INSERT INTO customers (name, email, level, credit, active, settings, avatar, last_seen, created) VALUES
  ('Ada Lovelace', 'ada@example.org', 'regular', 1234567890123456.7891, 1, '{"tea": true}', x'00ff5c27', '2026-11-21 23:59:59.999999', '2026-01-01 00:00:00'),
  ('李雷 🐦', NULL, '贵宾', -0.0001, 0, NULL, NULL, NULL, '1999-12-31 23:59:59'),
  ('tab\t, newline\n, quote '' and \\N', '', 'new', 0, 1, '[]', '', '0001-01-01 00:00:00', '2038-01-19 03:14:07');
INSERT INTO `order lines` VALUES (1, 1, '龙井茶', 0.1, '-01:30:00'), (1, 2, NULL, 1e308, '100:00:00'), (2, 1, 'mug', NULL, NULL);
