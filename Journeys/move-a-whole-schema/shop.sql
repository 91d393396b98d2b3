CREATE TABLE customers (id INTEGER PRIMARY KEY NOT NULL, name TEXT NOT NULL, email TEXT);
CREATE UNIQUE INDEX customers_by_email ON customers (email);
CREATE TABLE orders (
  id INTEGER PRIMARY KEY NOT NULL, customer_id INTEGER NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
  state TEXT NOT NULL DEFAULT 'open');
CREATE INDEX orders_by_customer ON orders (customer_id);
CREATE TABLE "order lines" (
  order_id INTEGER NOT NULL REFERENCES orders (id), "no" INTEGER NOT NULL, 品名 TEXT, PRIMARY KEY (order_id, "no"));
CREATE TABLE tmp_import (x TEXT);
CREATE VIEW open_orders AS SELECT id, customer_id FROM orders WHERE state = 'open';
INSERT INTO customers VALUES (1, 'Ada', 'ada@example.org'), (2, '李雷', NULL);
INSERT INTO orders VALUES (10, 1, 'open'), (11, 2, 'paid');
INSERT INTO "order lines" VALUES (10, 1, '龙井茶'), (10, 2, NULL), (11, 1, 'mug');
INSERT INTO tmp_import VALUES ('rubbish');
