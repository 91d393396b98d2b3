extension PublicSchema {
    /// MariaDB, in the shape of sakila: enumerations, sets, YEAR, geometry, full text, triggers, views, a circle of keys.
    static let rentalSQL = #"""
        SET NAMES utf8mb4;
        SET foreign_key_checks = 0, time_zone = '+00:00';
        CREATE TABLE actor (
          actor_id SMALLINT UNSIGNED NOT NULL AUTO_INCREMENT,
          first_name VARCHAR(45) NOT NULL,
          last_name VARCHAR(45) NOT NULL,
          last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
          PRIMARY KEY (actor_id), KEY idx_actor_last_name (last_name)
        ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
        CREATE TABLE country (
          country_id SMALLINT UNSIGNED NOT NULL AUTO_INCREMENT,
          country VARCHAR(50) NOT NULL,
          last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
          PRIMARY KEY (country_id)
        ) DEFAULT CHARSET=utf8mb4;
        CREATE TABLE city (
          city_id SMALLINT UNSIGNED NOT NULL AUTO_INCREMENT,
          city VARCHAR(50) NOT NULL,
          country_id SMALLINT UNSIGNED NOT NULL,
          last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
          PRIMARY KEY (city_id), KEY idx_fk_country_id (country_id),
          CONSTRAINT fk_city_country FOREIGN KEY (country_id) REFERENCES country (country_id) ON DELETE RESTRICT ON UPDATE CASCADE
        ) DEFAULT CHARSET=utf8mb4;
        CREATE TABLE address (
          address_id SMALLINT UNSIGNED NOT NULL AUTO_INCREMENT,
          address VARCHAR(50) NOT NULL,
          address2 VARCHAR(50) DEFAULT NULL,
          district VARCHAR(20) NOT NULL,
          city_id SMALLINT UNSIGNED NOT NULL,
          postal_code VARCHAR(10) DEFAULT NULL,
          phone VARCHAR(20) NOT NULL,
          location GEOMETRY NOT NULL,
          last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
          PRIMARY KEY (address_id), KEY idx_fk_city_id (city_id), SPATIAL KEY idx_location (location),
          CONSTRAINT fk_address_city FOREIGN KEY (city_id) REFERENCES city (city_id) ON DELETE RESTRICT ON UPDATE CASCADE
        ) DEFAULT CHARSET=utf8mb4;
        CREATE TABLE category (
          category_id TINYINT UNSIGNED NOT NULL AUTO_INCREMENT,
          name VARCHAR(25) NOT NULL,
          last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
          PRIMARY KEY (category_id)
        ) DEFAULT CHARSET=utf8mb4;
        CREATE TABLE language (
          language_id TINYINT UNSIGNED NOT NULL AUTO_INCREMENT,
          name CHAR(20) NOT NULL,
          last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
          PRIMARY KEY (language_id)
        ) DEFAULT CHARSET=utf8mb4;
        CREATE TABLE customer (
          customer_id SMALLINT UNSIGNED NOT NULL AUTO_INCREMENT,
          store_id TINYINT UNSIGNED NOT NULL,
          first_name VARCHAR(45) NOT NULL,
          last_name VARCHAR(45) NOT NULL,
          email VARCHAR(50) DEFAULT NULL,
          address_id SMALLINT UNSIGNED NOT NULL,
          active BOOLEAN NOT NULL DEFAULT TRUE,
          create_date DATETIME NOT NULL,
          last_update TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
          PRIMARY KEY (customer_id), KEY idx_fk_store_id (store_id), KEY idx_fk_address_id (address_id), KEY idx_last_name
          (last_name),
          CONSTRAINT fk_customer_address FOREIGN KEY (address_id) REFERENCES address (address_id) ON DELETE RESTRICT ON UPDATE
          CASCADE,
          CONSTRAINT fk_customer_store FOREIGN KEY (store_id) REFERENCES store (store_id) ON DELETE RESTRICT ON UPDATE CASCADE
        ) DEFAULT CHARSET=utf8mb4 COMMENT='who rents; it''s "all" of them';
        CREATE TABLE film (
          film_id SMALLINT UNSIGNED NOT NULL AUTO_INCREMENT,
          title VARCHAR(128) NOT NULL,
          description TEXT DEFAULT NULL,
          release_year YEAR DEFAULT NULL,
          language_id TINYINT UNSIGNED NOT NULL,
          original_language_id TINYINT UNSIGNED DEFAULT NULL,
          rental_duration TINYINT UNSIGNED NOT NULL DEFAULT 3 COMMENT 'days',
          rental_rate DECIMAL(4,2) NOT NULL DEFAULT 4.99,
          length SMALLINT UNSIGNED DEFAULT NULL,
          replacement_cost DECIMAL(5,2) NOT NULL DEFAULT 19.99,
          rating ENUM('G','PG','PG-13','R','NC-17') DEFAULT 'G',
          special_features SET('Trailers','Commentaries','Deleted Scenes','Behind the Scenes') DEFAULT NULL,
          last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
          PRIMARY KEY (film_id), KEY idx_title (title), KEY idx_fk_language_id (language_id),
          KEY idx_fk_original_language_id (original_language_id),
          CONSTRAINT fk_film_language FOREIGN KEY (language_id) REFERENCES language (language_id) ON DELETE RESTRICT ON UPDATE
          CASCADE,
          CONSTRAINT fk_film_language_original FOREIGN KEY (original_language_id) REFERENCES language (language_id) ON DELETE
          RESTRICT ON UPDATE CASCADE,
          CONSTRAINT film_duration CHECK (rental_duration BETWEEN 1 AND 30)
        ) DEFAULT CHARSET=utf8mb4;
        CREATE TABLE film_actor (
          actor_id SMALLINT UNSIGNED NOT NULL,
          film_id SMALLINT UNSIGNED NOT NULL,
          last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
          PRIMARY KEY (actor_id, film_id), KEY idx_fk_film_id (film_id),
          CONSTRAINT fk_film_actor_actor FOREIGN KEY (actor_id) REFERENCES actor (actor_id) ON DELETE RESTRICT ON UPDATE CASCADE,
          CONSTRAINT fk_film_actor_film FOREIGN KEY (film_id) REFERENCES film (film_id) ON DELETE RESTRICT ON UPDATE CASCADE
        ) DEFAULT CHARSET=utf8mb4;
        CREATE TABLE film_category (
          film_id SMALLINT UNSIGNED NOT NULL,
          category_id TINYINT UNSIGNED NOT NULL,
          last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
          PRIMARY KEY (film_id, category_id),
          CONSTRAINT fk_film_category_film FOREIGN KEY (film_id) REFERENCES film (film_id) ON DELETE RESTRICT ON UPDATE CASCADE,
          CONSTRAINT fk_film_category_category FOREIGN KEY (category_id) REFERENCES category (category_id) ON DELETE RESTRICT ON
          UPDATE CASCADE
        ) DEFAULT CHARSET=utf8mb4;
        CREATE TABLE film_text (
          film_id SMALLINT NOT NULL,
          title VARCHAR(255) NOT NULL,
          description TEXT,
          PRIMARY KEY (film_id), FULLTEXT KEY idx_title_description (title, description)
        ) DEFAULT CHARSET=utf8mb4;
        CREATE TABLE inventory (
          inventory_id MEDIUMINT UNSIGNED NOT NULL AUTO_INCREMENT,
          film_id SMALLINT UNSIGNED NOT NULL,
          store_id TINYINT UNSIGNED NOT NULL,
          last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
          PRIMARY KEY (inventory_id), KEY idx_fk_film_id (film_id), KEY idx_store_id_film_id (store_id, film_id),
          CONSTRAINT fk_inventory_store FOREIGN KEY (store_id) REFERENCES store (store_id) ON DELETE RESTRICT ON UPDATE CASCADE,
          CONSTRAINT fk_inventory_film FOREIGN KEY (film_id) REFERENCES film (film_id) ON DELETE RESTRICT ON UPDATE CASCADE
        ) DEFAULT CHARSET=utf8mb4;
        CREATE TABLE rental (
          rental_id INT NOT NULL AUTO_INCREMENT,
          rental_date DATETIME NOT NULL,
          inventory_id MEDIUMINT UNSIGNED NOT NULL,
          customer_id SMALLINT UNSIGNED NOT NULL,
          return_date DATETIME DEFAULT NULL,
          staff_id TINYINT UNSIGNED NOT NULL,
          last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
          PRIMARY KEY (rental_id), UNIQUE KEY (rental_date, inventory_id, customer_id),
          KEY idx_fk_inventory_id (inventory_id), KEY idx_fk_customer_id (customer_id), KEY idx_fk_staff_id (staff_id),
          CONSTRAINT fk_rental_staff FOREIGN KEY (staff_id) REFERENCES staff (staff_id) ON DELETE RESTRICT ON UPDATE CASCADE,
          CONSTRAINT fk_rental_inventory FOREIGN KEY (inventory_id) REFERENCES inventory (inventory_id) ON DELETE RESTRICT ON
          UPDATE CASCADE,
          CONSTRAINT fk_rental_customer FOREIGN KEY (customer_id) REFERENCES customer (customer_id) ON DELETE RESTRICT ON UPDATE
          CASCADE
        ) DEFAULT CHARSET=utf8mb4;
        CREATE TABLE payment (
          payment_id SMALLINT UNSIGNED NOT NULL AUTO_INCREMENT,
          customer_id SMALLINT UNSIGNED NOT NULL,
          staff_id TINYINT UNSIGNED NOT NULL,
          rental_id INT DEFAULT NULL,
          amount DECIMAL(5,2) NOT NULL,
          payment_date DATETIME NOT NULL,
          last_update TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
          PRIMARY KEY (payment_id), KEY idx_fk_staff_id (staff_id), KEY idx_fk_customer_id (customer_id),
          CONSTRAINT fk_payment_rental FOREIGN KEY (rental_id) REFERENCES rental (rental_id) ON DELETE SET NULL ON UPDATE CASCADE,
          CONSTRAINT fk_payment_customer FOREIGN KEY (customer_id) REFERENCES customer (customer_id) ON DELETE RESTRICT ON UPDATE
          CASCADE,
          CONSTRAINT fk_payment_staff FOREIGN KEY (staff_id) REFERENCES staff (staff_id) ON DELETE RESTRICT ON UPDATE CASCADE
        ) DEFAULT CHARSET=utf8mb4;
        CREATE TABLE staff (
          staff_id TINYINT UNSIGNED NOT NULL AUTO_INCREMENT,
          first_name VARCHAR(45) NOT NULL,
          last_name VARCHAR(45) NOT NULL,
          address_id SMALLINT UNSIGNED NOT NULL,
          picture BLOB DEFAULT NULL,
          email VARCHAR(50) DEFAULT NULL,
          store_id TINYINT UNSIGNED NOT NULL,
          active BOOLEAN NOT NULL DEFAULT TRUE,
          username VARCHAR(16) NOT NULL,
          password VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL,
          last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
          PRIMARY KEY (staff_id), KEY idx_fk_store_id (store_id), KEY idx_fk_address_id (address_id),
          CONSTRAINT fk_staff_store FOREIGN KEY (store_id) REFERENCES store (store_id) ON DELETE RESTRICT ON UPDATE CASCADE,
          CONSTRAINT fk_staff_address FOREIGN KEY (address_id) REFERENCES address (address_id) ON DELETE RESTRICT ON UPDATE CASCADE
        ) DEFAULT CHARSET=utf8mb4;
        CREATE TABLE store (
          store_id TINYINT UNSIGNED NOT NULL AUTO_INCREMENT,
          manager_staff_id TINYINT UNSIGNED NOT NULL,
          address_id SMALLINT UNSIGNED NOT NULL,
          last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
          PRIMARY KEY (store_id), UNIQUE KEY idx_unique_manager (manager_staff_id), KEY idx_fk_address_id (address_id),
          CONSTRAINT fk_store_staff FOREIGN KEY (manager_staff_id) REFERENCES staff (staff_id) ON DELETE RESTRICT ON UPDATE CASCADE,
          CONSTRAINT fk_store_address FOREIGN KEY (address_id) REFERENCES address (address_id) ON DELETE RESTRICT ON UPDATE CASCADE
        ) DEFAULT CHARSET=utf8mb4;
        CREATE VIEW customer_list AS SELECT c.customer_id AS ID, CONCAT(c.first_name, ' ', c.last_name) AS name, a.postal_code AS
          `zip code`,
          IF(c.active, 'active', '') AS notes, c.store_id AS SID FROM customer c JOIN address a USING (address_id);
        CREATE TRIGGER film_ins AFTER INSERT ON film FOR EACH ROW INSERT INTO film_text VALUES (NEW.film_id, NEW.title,
          NEW.description);
        CREATE TRIGGER film_del AFTER DELETE ON film FOR EACH ROW DELETE FROM film_text WHERE film_id = OLD.film_id;
        CREATE TRIGGER rental_date BEFORE INSERT ON rental FOR EACH ROW SET NEW.last_update = '2006-02-15 21:30:53';
        INSERT INTO actor SELECT seq, CONCAT('PENELOPE', seq), CONCAT(CHAR(65 + seq % 26), 'NESS'), '2006-02-15 04:34:33' +
          INTERVAL seq SECOND FROM seq_1_to_60;
        INSERT INTO country SELECT seq, CONCAT('Réunion ', seq), '2006-02-15 04:44:00' FROM seq_1_to_20;
        INSERT INTO city SELECT seq, CONCAT('A Coruña (La ''C'') ', seq), 1 + seq % 20, '2006-02-15 04:45:25' FROM seq_1_to_40;
        INSERT INTO address SELECT seq, CONCAT(seq, ' MySakila Drive'), IF(seq % 3 = 0, NULL, ''), 'Alberta', 1 + seq % 40, IF(seq
          % 5, LPAD(seq, 5, '0'), ''), CONCAT('0', 14033335568 + seq), ST_GeomFromText(CONCAT('POINT(', -112.8185647 + seq, ' ',
          49.6999986 - seq, ')'), 0), '2014-09-25 22:30:27' FROM seq_1_to_80;
        INSERT INTO category SELECT seq, CONCAT('Sci-Fi ', seq), '2006-02-15 04:46:27' FROM seq_1_to_16;
        INSERT INTO language VALUES (1, 'English', '2006-02-15 05:02:19'), (2, 'Italian', '2006-02-15 05:02:19'), (3, '日本語',
          '2006-02-15 05:02:19'), (6, 'German', '2006-02-15 05:02:19');
        INSERT INTO store VALUES (1, 1, 1, '2006-02-15 04:57:12'), (2, 2, 2, '2006-02-15 04:57:12');
        INSERT INTO staff VALUES (1, 'Mike', 'Hillyer', 3, X'89504E470D0A5A0A0000FF5C27', 'Mike.Hillyer@sakilastaff.com', 1, 1,
          'Mike', '8cb2237d0679ca88db6464eac60da96345513964', '2006-02-15 03:57:16'),
          (2, 'Jon', 'Stephens', 4, NULL, 'Jon.Stephens@sakilastaff.com', 2, 0, 'Jon', NULL, '2006-02-15 03:57:16');
        INSERT INTO customer SELECT seq, 1 + seq % 2, CONCAT('MARY', seq), 'O''SMITH', IF(seq % 7, CONCAT('MARY.SMITH', seq,
          '@sakilacustomer.org'), NULL), 1 + seq % 80, seq % 9 <> 0, '2006-02-14 22:04:36', IF(seq % 11, '2006-02-15 04:57:20',
          NULL) FROM seq_1_to_120;
        INSERT INTO film SELECT seq, CONCAT('ACADEMY DINOSAUR ', seq), IF(seq % 4, CONCAT('A Epic Drama\nof a "Feminist"\t', seq),
          NULL), IF(seq % 6, 1901 + seq % 200, NULL), ELT(1 + seq % 4, 1, 2, 3, 6), IF(seq % 5 = 0, 2, NULL), 3 + seq % 5, 0.99 +
          seq % 5, IF(seq % 8, 46 + seq, NULL), 9.99 + seq % 20, IF(seq % 13, ELT(1 + seq % 5, 'G', 'PG', 'PG-13', 'R', 'NC-17'),
          NULL), IF(seq % 3, seq % 16, NULL), '2006-02-15 05:03:42' FROM seq_1_to_200;
        INSERT INTO film_actor SELECT 1 + seq % 60, 1 + seq % 200, '2006-02-15 05:05:03' FROM seq_1_to_400 ON DUPLICATE KEY UPDATE
          film_id = film_actor.film_id;
        INSERT INTO film_category SELECT seq, 1 + seq % 16, '2006-02-15 05:07:09' FROM seq_1_to_200;
        INSERT INTO inventory SELECT seq, 1 + seq % 200, 1 + seq % 2, '2006-02-15 05:09:17' FROM seq_1_to_500;
        INSERT INTO rental SELECT seq, '2005-05-24 22:53:30' + INTERVAL seq MINUTE, 1 + seq % 500, 1 + seq % 120, IF(seq % 10,
          '2005-05-26 22:04:30' + INTERVAL seq MINUTE, NULL), 1 + seq % 2, NOW() FROM seq_1_to_1000;
        INSERT INTO payment SELECT seq, 1 + seq % 120, 1 + seq % 2, IF(seq % 50, seq, NULL), seq % 12 + 0.99, '2005-05-24 22:53:30'
          + INTERVAL seq MINUTE, IF(seq % 9, '2006-02-15 22:12:30', NULL) FROM seq_1_to_1000;
        DELETE FROM actor WHERE actor_id > 58 AND actor_id NOT IN (SELECT actor_id FROM film_actor);
        ALTER TABLE payment AUTO_INCREMENT = 16050;
        SET foreign_key_checks = 1;
        """#
}
