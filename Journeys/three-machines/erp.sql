DELIMITER //
CREATE PROCEDURE make() BEGIN
  DECLARE n INT DEFAULT 1;
  WHILE n <= 30 DO
    SET @name = CONCAT('bo_ods_', LPAD(n, 2, '0'));
    EXECUTE IMMEDIATE CONCAT('CREATE TABLE ', @name, ' (id INT NOT NULL PRIMARY KEY, name VARCHAR(40), amount DECIMAL(12,2), etl_process_time DATETIME NULL)');
    EXECUTE IMMEDIATE CONCAT('INSERT INTO ', @name, ' SELECT seq, CONCAT(''name '', seq), seq / 4, NULL FROM seq_1_to_', 40 + n);
    SET n = n + 1;
  END WHILE;
END//
DELIMITER ;
CALL make();
CREATE TABLE bo_ods_01_bak (id INT);
