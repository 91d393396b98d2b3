CREATE TABLE IF NOT EXISTS daily_sales (day TEXT PRIMARY KEY, orders INTEGER, amount DECIMAL(12,2));
DELETE FROM daily_sales WHERE day = '{{ day }}';
INSERT INTO daily_sales SELECT '{{ day }}', count(*), sum(amount) FROM ods_orders WHERE date(changed_at) = '{{ day }}';
