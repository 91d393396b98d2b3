CREATE TABLE datax_json (id INTEGER PRIMARY KEY, df_json VARCHAR(255), di_json VARCHAR(255), source_dbname VARCHAR(255), target_dbname VARCHAR(255), create_time DATETIME);
INSERT INTO datax_json VALUES (1, 'full.json', 'daily.json', 'erp', 'ods', '2024-01-02 03:04:05');
CREATE TABLE datax_config (id INTEGER PRIMARY KEY, type VARCHAR(50), src_table_name VARCHAR(60), json_id INT, des_table_name VARCHAR(60), split_pk_field VARCHAR(60),
  relation VARCHAR(1000), dcondition VARCHAR(1000), src_table_column VARCHAR(8000), des_table_column VARCHAR(255), server_type INT, ordernum DECIMAL(6,3), status INT,
  etl_type INT, etl_column VARCHAR(2000), etl_num INT, last_etl_date DATE, note VARCHAR(255), create_time DATETIME, UNIQUE (src_table_name, json_id));
INSERT INTO datax_config VALUES (1, '1', 'goods', 1, 'ods_goods', '', 't', '1=1', 'id, name, price', '*', 0, 1, 0, 0, '', 12, '2026-11-20', 'all', NULL),
  (2, '1', 'sales', 1, 'ods_sales', '', 't', 't.qty > 0', 't.id, t.goods_id, t.qty, t.sold_on', '*', 0, 2, 0, 1, 't.sold_on', 12, '2026-11-20', 'by day', NULL),
  (3, '1', 'old_stuff', 1, 'ods_old', '', 't', '1=1', '*', '*', 0, 3, 1, 0, '', 0, NULL, 'disabled', NULL);
CREATE TABLE datax_log (id INTEGER PRIMARY KEY, table_name VARCHAR(255), dt DATE, datax_id INT, starttime DATETIME, endtime DATETIME, etl_begintime DATE, etl_endtime DATE,
  net_num VARCHAR(50), is_finished INT, time_num INT, speed_num INT, read_num INT, error_num INT, create_time DATETIME);
CREATE TABLE datax_row_error (id INTEGER PRIMARY KEY, error_num INT, total_num INT, datax_id INT, table_name VARCHAR(255), msg TEXT, create_time DATETIME);
CREATE TABLE datax_etl_error (id INTEGER PRIMARY KEY, datax_id INT, table_name VARCHAR(255), msg TEXT, create_time DATETIME);
