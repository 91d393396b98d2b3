# Prints the old warehouse as SQL: 37 small tables, and three large ones that are partitioned by month.
for n in $(seq -w 1 37); do
  echo "CREATE TABLE ods_dim_$n (id BIGINT NOT NULL, name VARCHAR(120), price DECIMAL(12,2), changed_at DATETIME)"
  case $n in
    0*) echo "PRIMARY KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 2;" ;;
    *) echo "DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 2;" ;;
  esac
  seq 1 $((10#$n % 9 + 2)) | awk -v t="ods_dim_$n" '{ printf "%s(%d, \"雨燕 %s %d\", %d.5, \"2026-11-%02d 03:04:05.000%03d\")",
    NR == 1 ? "INSERT INTO " t " VALUES " : ", ", $1, t, $1, $1 * 7, $1 + 1, $1 } END { print ";" }'
done
for t in orders clicks stock; do
  echo "CREATE TABLE ods_$t (day DATE NOT NULL, id BIGINT NOT NULL, shop INT, amount DECIMAL(18,4), note VARCHAR(200))
    DUPLICATE KEY(day, id) PARTITION BY RANGE(day) (
      PARTITION p202609 VALUES LESS THAN ('2026-10-01'), PARTITION p202610 VALUES LESS THAN ('2026-11-01'),
      PARTITION p202611 VALUES LESS THAN ('2026-12-01')) DISTRIBUTED BY HASH(id) BUCKETS 4;"
  for first in 0 1000 2000 3000 4000 5000; do
    seq $((first + 1)) $((first + 1000)) | awk -v t="ods_$t" '{ printf "%s(\"2026-%02d-%02d\", %d, %d, %d.0625, %s)",
      NR % 1000 == 1 ? "INSERT INTO " t " VALUES " : ", ", $1 % 3 + 9, $1 % 28 + 1, $1, $1 % 11, $1 * 3,
      $1 % 10 ? "\"a, \\\"quoted\\\" note " $1 "\"" : "NULL" } END { print ";" }'
  done
done
