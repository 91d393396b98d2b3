extension PublicSchema {
    /// MariaDB, in the shape of the employees' schema: keys of two columns that cascade, CHAR keys, partitions.
    static let staffSQL = #"""
        CREATE TABLE employees (
          emp_no INT NOT NULL, birth_date DATE NOT NULL, first_name VARCHAR(14) NOT NULL, last_name VARCHAR(16) NOT NULL,
          gender ENUM('M','F') NOT NULL, hire_date DATE NOT NULL, PRIMARY KEY (emp_no),
          CONSTRAINT hired CHECK (hire_date > birth_date)
        ) COMMENT='people';
        CREATE TABLE departments (dept_no CHAR(4) NOT NULL, dept_name VARCHAR(40) NOT NULL, PRIMARY KEY (dept_no), UNIQUE KEY
          (dept_name));
        CREATE TABLE dept_manager (
          emp_no INT NOT NULL, dept_no CHAR(4) NOT NULL, from_date DATE NOT NULL, to_date DATE NOT NULL,
          FOREIGN KEY (emp_no) REFERENCES employees (emp_no) ON DELETE CASCADE,
          FOREIGN KEY (dept_no) REFERENCES departments (dept_no) ON DELETE CASCADE, PRIMARY KEY (emp_no, dept_no));
        CREATE TABLE dept_emp (
          emp_no INT NOT NULL, dept_no CHAR(4) NOT NULL, from_date DATE NOT NULL, to_date DATE NOT NULL,
          FOREIGN KEY (emp_no) REFERENCES employees (emp_no) ON DELETE CASCADE,
          FOREIGN KEY (dept_no) REFERENCES departments (dept_no) ON DELETE CASCADE, PRIMARY KEY (emp_no, dept_no));
        CREATE TABLE titles (
          emp_no INT NOT NULL, title VARCHAR(50) NOT NULL, from_date DATE NOT NULL, to_date DATE,
          FOREIGN KEY (emp_no) REFERENCES employees (emp_no) ON DELETE CASCADE, PRIMARY KEY (emp_no, title, from_date));
        CREATE TABLE salaries (emp_no INT NOT NULL, salary INT NOT NULL, from_date DATE NOT NULL, to_date DATE NOT NULL, PRIMARY
          KEY (emp_no, from_date))
          PARTITION BY RANGE COLUMNS (from_date) (PARTITION p01 VALUES LESS THAN ('1990-12-31'), PARTITION p02 VALUES LESS THAN
          ('2000-12-31'), PARTITION p03 VALUES LESS THAN (MAXVALUE));
        CREATE VIEW dept_emp_latest_date AS SELECT emp_no, MAX(from_date) AS from_date, MAX(to_date) AS to_date FROM dept_emp GROUP
          BY emp_no;
        INSERT INTO employees SELECT 10000 + seq, '1953-09-02' + INTERVAL seq DAY, CONCAT('Georgi', seq), 'Facello', IF(seq % 2,
          'M', 'F'), '1986-06-26' + INTERVAL seq DAY FROM seq_1_to_300;
        INSERT INTO departments VALUES ('d001', 'Marketing'), ('d002', 'Finance'), ('d003', 'Human Resources'), ('d4', 'R & D');
        INSERT INTO dept_emp SELECT 10000 + seq, ELT(1 + seq % 4, 'd001', 'd002', 'd003', 'd4'), '1986-06-26' + INTERVAL seq DAY,
          '9999-01-01' FROM seq_1_to_300;
        INSERT INTO dept_manager VALUES (10001, 'd001', '1985-01-01', '1991-10-01'), (10002, 'd4', '1991-10-01', '9999-01-01');
        INSERT INTO titles SELECT 10000 + seq, 'Senior Engineer', '1986-06-26' + INTERVAL seq DAY, IF(seq % 3, '9999-01-01', NULL)
          FROM seq_1_to_300;
        INSERT INTO salaries SELECT 10001 + seq % 300, 40000 + seq, '1986-06-26' + INTERVAL seq * 10 DAY, '9999-01-01' FROM
          seq_1_to_600;
        """#
}
