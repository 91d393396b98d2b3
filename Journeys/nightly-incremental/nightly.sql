UPDATE orders SET state = 'paid', changed_at = '2026-11-21 08:00:00' WHERE id = 1;
INSERT INTO orders VALUES (3, 'open', '2026-11-21 08:05:00');
DELETE FROM countries WHERE code = 'CH';
