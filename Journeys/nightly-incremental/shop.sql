CREATE TABLE orders (id INTEGER PRIMARY KEY NOT NULL, state TEXT NOT NULL, changed_at DATETIME NOT NULL);
CREATE TABLE countries (code TEXT PRIMARY KEY NOT NULL, name TEXT NOT NULL);
INSERT INTO orders VALUES (1, 'open', '2026-11-20 09:00:00'), (2, 'paid', '2026-11-20 17:30:00');
INSERT INTO countries VALUES ('CN', '中国'), ('CH', 'Schweiz');
