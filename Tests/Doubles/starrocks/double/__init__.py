"""A stand-in for a StarRocks or Doris cluster: two FEs, two BEs and the SQL port, with rows in a real MariaDB."""
