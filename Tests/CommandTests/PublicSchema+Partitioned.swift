extension PublicSchema {
    /// PostgreSQL, in the shape of pagila: enumerations, domains, arrays, tsvector, ranges, partitions, sequences of their own.
    static let partitionedSQL = #"""
        SET client_min_messages = warning; SET timezone = 'UTC';
        CREATE TYPE mpaa_rating AS ENUM ('G', 'PG', 'PG-13', 'R', 'NC-17');
        CREATE DOMAIN year AS integer CONSTRAINT year_check CHECK (VALUE >= 1901 AND VALUE <= 2155);
        CREATE FUNCTION last_updated() RETURNS trigger LANGUAGE plpgsql AS
          'BEGIN NEW.last_update = CURRENT_TIMESTAMP; RETURN NEW; END';
        CREATE SEQUENCE actor_actor_id_seq;
        CREATE TABLE actor (actor_id integer DEFAULT nextval('actor_actor_id_seq'::regclass) NOT NULL CONSTRAINT actor_pkey PRIMARY
          KEY, first_name text NOT NULL, last_name text NOT NULL,
          last_update timestamptz DEFAULT now() NOT NULL);
        CREATE INDEX idx_actor_last_name ON actor (last_name);
        CREATE TABLE category (category_id serial PRIMARY KEY, name text NOT NULL, last_update timestamptz DEFAULT now() NOT NULL);
        CREATE TABLE country (country_id serial PRIMARY KEY, country text NOT NULL, last_update timestamptz DEFAULT now() NOT NULL);
        CREATE TABLE city (city_id serial PRIMARY KEY, city text NOT NULL, country_id integer NOT NULL REFERENCES country ON UPDATE
          CASCADE ON DELETE RESTRICT, last_update timestamptz DEFAULT now() NOT NULL);
        CREATE INDEX idx_fk_country_id ON city (country_id);
        CREATE TABLE address (address_id serial PRIMARY KEY, address varchar(50) NOT NULL, address2 varchar(50), district
          varchar(20) NOT NULL,
          city_id integer NOT NULL REFERENCES city ON UPDATE CASCADE ON DELETE RESTRICT, postal_code varchar(10), phone varchar(20)
          NOT NULL, last_update timestamptz DEFAULT now() NOT NULL);
        CREATE INDEX idx_fk_city_id ON address (city_id);
        CREATE TABLE language (language_id serial PRIMARY KEY, name character(20) NOT NULL, last_update timestamptz DEFAULT now()
          NOT NULL);
        CREATE TABLE store (store_id serial PRIMARY KEY, manager_staff_id integer NOT NULL, address_id integer NOT NULL REFERENCES
          address ON UPDATE CASCADE ON DELETE RESTRICT, last_update timestamptz DEFAULT now() NOT NULL);
        CREATE UNIQUE INDEX idx_unq_manager_staff_id ON store (manager_staff_id);
        CREATE TABLE staff (staff_id serial PRIMARY KEY, first_name text NOT NULL, last_name text NOT NULL, address_id integer NOT
          NULL REFERENCES address ON UPDATE CASCADE ON DELETE RESTRICT, email varchar(50),
          store_id integer NOT NULL CONSTRAINT staff_store_id_fkey REFERENCES store, active boolean DEFAULT true NOT NULL, username
          varchar(16) NOT NULL, password varchar(40), last_update timestamptz DEFAULT now() NOT NULL, picture bytea);
        CREATE TABLE customer (customer_id serial PRIMARY KEY, store_id integer NOT NULL REFERENCES store ON UPDATE CASCADE ON
          DELETE RESTRICT, first_name text NOT NULL, last_name text NOT NULL, email varchar(50),
          address_id integer NOT NULL REFERENCES address ON UPDATE CASCADE ON DELETE RESTRICT, activebool boolean DEFAULT true NOT
          NULL, create_date date DEFAULT ('now'::text)::date NOT NULL, last_update timestamptz DEFAULT now(), active integer);
        CREATE INDEX idx_fk_address_id ON customer (address_id);
        CREATE INDEX idx_fk_store_id ON customer (store_id);
        CREATE INDEX idx_last_name ON customer (last_name);
        COMMENT ON TABLE customer IS 'who rents; it''s "all" of them';
        COMMENT ON COLUMN customer.activebool IS 'still rents';
        CREATE TABLE film (film_id serial PRIMARY KEY, title text NOT NULL, description text, release_year year, language_id
          integer NOT NULL REFERENCES language ON UPDATE CASCADE ON DELETE RESTRICT,
          original_language_id integer REFERENCES language ON UPDATE CASCADE ON DELETE RESTRICT, rental_duration smallint DEFAULT 3
          NOT NULL, rental_rate numeric(4,2) DEFAULT 4.99 NOT NULL, length smallint,
          replacement_cost numeric(5,2) DEFAULT 19.99 NOT NULL, rating mpaa_rating DEFAULT 'G'::mpaa_rating, last_update
          timestamptz DEFAULT now() NOT NULL, special_features text[], fulltext tsvector NOT NULL,
          CONSTRAINT film_duration CHECK (rental_duration >= 1 AND rental_duration <= 30));
        CREATE INDEX film_fulltext_idx ON film USING gist (fulltext);
        CREATE INDEX idx_fk_language_id ON film (language_id);
        CREATE INDEX idx_fk_original_language_id ON film (original_language_id);
        CREATE INDEX idx_title ON film (title);
        CREATE TABLE film_actor (actor_id integer NOT NULL REFERENCES actor ON UPDATE CASCADE ON DELETE RESTRICT, film_id integer
          NOT NULL REFERENCES film ON UPDATE CASCADE ON DELETE RESTRICT, last_update timestamptz DEFAULT now() NOT NULL, PRIMARY
          KEY (actor_id, film_id));
        CREATE INDEX idx_fk_film_id ON film_actor (film_id);
        CREATE TABLE film_category (film_id integer NOT NULL REFERENCES film ON UPDATE CASCADE ON DELETE RESTRICT, category_id
          integer NOT NULL REFERENCES category ON UPDATE CASCADE ON DELETE RESTRICT, last_update timestamptz DEFAULT now() NOT
          NULL, PRIMARY KEY (film_id, category_id));
        CREATE TABLE inventory (inventory_id serial PRIMARY KEY, film_id integer NOT NULL REFERENCES film ON UPDATE CASCADE ON
          DELETE RESTRICT, store_id integer NOT NULL REFERENCES store ON UPDATE CASCADE ON DELETE RESTRICT, last_update timestamptz
          DEFAULT now() NOT NULL);
        CREATE INDEX idx_store_id_film_id ON inventory (store_id, film_id);
        CREATE TABLE rental (rental_id serial PRIMARY KEY, rental_date timestamptz NOT NULL, inventory_id integer NOT NULL
          REFERENCES inventory ON UPDATE CASCADE ON DELETE RESTRICT, customer_id integer NOT NULL REFERENCES customer ON UPDATE
          CASCADE ON DELETE RESTRICT,
          return_date timestamptz, staff_id integer NOT NULL REFERENCES staff ON UPDATE CASCADE ON DELETE RESTRICT, last_update
          timestamptz DEFAULT now() NOT NULL, rental_period tstzrange);
        CREATE INDEX idx_fk_inventory_id ON rental (inventory_id);
        CREATE UNIQUE INDEX idx_unq_rental_rental_date_inventory_id_customer_id ON rental (rental_date, inventory_id, customer_id);
        CREATE SEQUENCE payment_payment_id_seq;
        CREATE TABLE payment (payment_id integer DEFAULT nextval('payment_payment_id_seq'::regclass) NOT NULL, customer_id integer
          NOT NULL, staff_id integer NOT NULL, rental_id integer NOT NULL, amount numeric(5,2) NOT NULL, payment_date timestamptz
          NOT NULL,
          CONSTRAINT payment_pkey PRIMARY KEY (payment_date, payment_id)) PARTITION BY RANGE (payment_date);
        CREATE TABLE payment_p2022_01 PARTITION OF payment FOR VALUES FROM ('2022-01-01 00:00:00+00') TO ('2022-02-01 00:00:00+00');
        CREATE TABLE payment_p2022_02 PARTITION OF payment FOR VALUES FROM ('2022-02-01 00:00:00+00') TO ('2022-03-01 00:00:00+00');
        ALTER TABLE payment_p2022_01 ADD FOREIGN KEY (customer_id) REFERENCES customer, ADD FOREIGN KEY (rental_id) REFERENCES
          rental;
        ALTER TABLE payment_p2022_02 ADD FOREIGN KEY (customer_id) REFERENCES customer, ADD FOREIGN KEY (rental_id) REFERENCES
          rental;
        CREATE INDEX idx_fk_payment_p2022_01_customer_id ON payment_p2022_01 (customer_id);
        CREATE TABLE packages (aptdata_id bigserial PRIMARY KEY, last_updated timestamp DEFAULT now(), aptdata jsonb);
        CREATE INDEX idx_aptdata ON packages USING gin (aptdata);
        CREATE VIEW customer_list AS SELECT c.customer_id AS id, (c.first_name || ' ' || c.last_name) AS name, a.postal_code AS
          "zip code", CASE WHEN c.activebool THEN 'active' ELSE '' END AS notes FROM customer c JOIN address a USING (address_id);
        CREATE MATERIALIZED VIEW rental_by_category AS SELECT c.name AS category, count(*) AS total FROM category c JOIN
          film_category USING (category_id) GROUP BY c.name;
        INSERT INTO actor SELECT i, 'PENELOPE' || i, chr(65 + i % 26) || 'NESS', '2022-02-15 09:34:33+00'::timestamptz + i *
          interval '1 second' FROM generate_series(1, 60) i;
        INSERT INTO category SELECT i, 'Sci-Fi ' || i, '2022-02-15 09:46:27+00' FROM generate_series(1, 16) i;
        INSERT INTO country SELECT i, 'Réunion ' || i, '2022-02-15 09:44:00+00' FROM generate_series(1, 20) i;
        INSERT INTO city SELECT i, 'A Coruña (La ''C'') ' || i, 1 + i % 20, '2022-02-15 09:45:25+00' FROM generate_series(1, 40) i;
        INSERT INTO address SELECT i, i || ' MySakila Drive', CASE WHEN i % 3 <> 0 THEN '' END, 'Alberta', 1 + i % 40, CASE WHEN i
          % 5 <> 0 THEN lpad(i::text, 5, '0') ELSE '' END, '0' || 14033335568 + i, '2022-02-15 09:45:30+00' FROM generate_series(1,
          80) i;
        INSERT INTO language VALUES (1, 'English', '2022-02-15 10:02:19+00'), (2, 'Italian', '2022-02-15 10:02:19+00'), (3, '日本語',
          '2022-02-15 10:02:19+00');
        INSERT INTO store VALUES (1, 1, 1, '2022-02-15 09:57:12+00'), (2, 2, 2, '2022-02-15 09:57:12+00');
        INSERT INTO staff VALUES (1, 'Mike', 'Hillyer', 3, 'Mike.Hillyer@sakilastaff.com', 1, true, 'Mike',
          '8cb2237d0679ca88db6464eac60da96345513964', '2022-05-16 16:13:11.79328+00', '\x89504e470d0a5a0a0000ff5c27'), (2, 'Jon',
          'Stephens', 4, NULL, 2, false, 'Jon', NULL, '2022-05-16 16:13:11.79328+00', NULL);
        ALTER TABLE store ADD CONSTRAINT store_manager_staff_id_fkey FOREIGN KEY (manager_staff_id) REFERENCES staff (staff_id) ON
          UPDATE CASCADE ON DELETE RESTRICT;
        INSERT INTO customer SELECT i, 1 + i % 2, 'MARY' || i, 'O''SMITH', CASE WHEN i % 7 <> 0 THEN 'MARY.SMITH' || i ||
          '@sakilacustomer.org' END, 1 + i % 80, i % 9 <> 0, '2022-02-14', CASE WHEN i % 11 <> 0 THEN
          '2022-02-15 09:57:20+00'::timestamptz END, i % 2 FROM generate_series(1, 120) i;
        INSERT INTO film SELECT i, 'ACADEMY DINOSAUR ' || i, CASE WHEN i % 4 <> 0 THEN E'A Epic Drama\nof a "Feminist"\t' || i END,
          CASE WHEN i % 6 <> 0 THEN 1901 + i % 200 END, 1 + i % 3, CASE WHEN i % 5 = 0 THEN 2 END, 3 + i % 5, 0.99 + i % 5, CASE
          WHEN i % 8 <> 0 THEN 46 + i END, 9.99 + i % 20,
          CASE WHEN i % 13 <> 0 THEN (enum_range(NULL::mpaa_rating))[1 + i % 5] END, '2022-09-10 16:46:03.905795+00', CASE i % 3
          WHEN 0 THEN NULL WHEN 1 THEN '{}' ELSE ARRAY['Trailers', 'Deleted "Scenes"', NULL] END, to_tsvector('english',
          'ACADEMY DINOSAUR epic ' || i) FROM generate_series(1, 200) i;
        INSERT INTO film_actor SELECT DISTINCT 1 + i % 60, 1 + i % 200, '2022-02-15 10:05:03+00'::timestamptz FROM
          generate_series(1, 400) i;
        INSERT INTO film_category SELECT i, 1 + i % 16, '2022-02-15 10:07:09+00' FROM generate_series(1, 200) i;
        INSERT INTO inventory SELECT i, 1 + i % 200, 1 + i % 2, '2022-02-15 10:09:17+00' FROM generate_series(1, 500) i;
        INSERT INTO rental SELECT i, '2022-01-24 21:53:30+00'::timestamptz + i * interval '1 minute', 1 + i % 500, 1 + i % 120,
          CASE WHEN i % 10 <> 0 THEN '2022-01-28 21:53:30+00'::timestamptz + i * interval '1 minute' END, 1 + i % 2,
          '2022-02-16 02:30:53+00', tstzrange('2022-01-24 21:53:30+00'::timestamptz + i * interval '1 minute', NULL) FROM
          generate_series(1, 1000) i;
        INSERT INTO payment SELECT i, 1 + i % 120, 1 + i % 2, i, i % 12 + 0.99, '2022-01-24 21:40:19.996577+00'::timestamptz + i *
          interval '30 minutes' FROM generate_series(1, 1000) i;
        INSERT INTO packages SELECT i, '2022-02-16 02:30:53.123456', jsonb_build_object('Package', 'pg' || i, 'Deps', ARRAY[i,
          NULL], 'x', NULL) FROM generate_series(1, 20) i;
        REFRESH MATERIALIZED VIEW rental_by_category;
        SELECT setval('actor_actor_id_seq', 200), setval('payment_payment_id_seq', 32098), setval('category_category_id_seq', 16),
          setval('country_country_id_seq', 109), setval('city_city_id_seq', 600), setval('address_address_id_seq', 605),
          setval('language_language_id_seq', 6), setval('store_store_id_seq', 2), setval('staff_staff_id_seq', 2),
          setval('customer_customer_id_seq', 599), setval('film_film_id_seq', 1000), setval('inventory_inventory_id_seq', 4581),
          setval('rental_rental_id_seq', 16049), setval('packages_aptdata_id_seq', 26);
        CREATE TRIGGER last_updated BEFORE UPDATE ON actor FOR EACH ROW EXECUTE FUNCTION last_updated();
        CREATE TRIGGER film_fulltext_trigger BEFORE INSERT OR UPDATE ON film FOR EACH ROW EXECUTE FUNCTION
          tsvector_update_trigger('fulltext', 'pg_catalog.english', 'title', 'description');
        """#
}
