import ApusTesting
import Foundation
import Testing

/// Two workers of one night, of which one is stopped without being dead, or has a clock that jumps.
@Suite(.requires(.mariadb, .postgres)) struct LeaseTests {
    private static let tables = 4
    private static let rows = 30_000

    /// Half of the tables are full loads, half are loaded by day.
    private func night(_ targetKind: Place.Kind, day: String) throws -> (Night, erp: Place, dw: Place) {
        var sql = """
            CREATE TABLE t_0 (id int NOT NULL PRIMARY KEY, name varchar(40), day date NOT NULL, KEY (day));
            INSERT INTO t_0 SELECT seq, CONCAT('行 ', seq), \(day) - INTERVAL (seq MOD 2) DAY FROM seq_1_to_\(Self.rows);
            """
        for number in 1..<Self.tables { sql += "CREATE TABLE t_\(number) LIKE t_0; INSERT INTO t_\(number) SELECT * FROM t_0;" }
        let erp = try Place(.mariadb, sql), dw = try Place(targetKind), night = try Night(.mariadb)
        try night.connections(["erp": erp, "dw": dw])
        try night.job()
        for number in 0..<Self.tables {
            try night.row("t_\(number)", to: "t_\(number)", etlType: number % 2, column: number % 2 == 1 ? "day" : "")
        }
        return (night, erp, dw)
    }

    private func expectWhole(_ erp: Place, _ dw: Place, day: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        for number in 0..<Self.tables {
            let filter = number % 2 == 1 ? "WHERE day = \(day)" : ""
            let wanted = try erp.lines("SELECT id, name, day FROM t_\(number) \(filter) ORDER BY id")
            #expect(
                try dw.lines("SELECT id, name, day FROM t_\(number) ORDER BY id") == wanted, "t_\(number)", sourceLocation: sourceLocation)
        }
    }

    @Test(arguments: [Place.Kind.postgres, .mariadb])
    func `a worker that is stopped for longer than its lease is followed up, and doubles nothing when it goes on`(
        _ targetKind: Place.Kind
    ) throws {
        let day = "DATE '2026-11-21'"
        let (night, erp, dw) = try night(targetKind, day: day)
        let first = try night.start("--day", "2026-11-21", "--parallel", "2", "--lease", "3", "--rows-per-second", "15000")
        try wait("rows on their way", until: { first.errorsSoFar.contains("started") })
        usleep(1_200_000)
        let held = try night.control.lines("SELECT lease_key FROM apus_lease WHERE state = 'running' ORDER BY lease_key")
        #expect(!held.isEmpty)
        first.signal(SIGSTOP)
        let second = try night.start("--day", "2026-11-21", "--parallel", "2", "--lease", "3")
        expect(second.wait(), 0, "which had not come to its end")
        try expectWhole(erp, dw, day: day)
        first.signal(SIGCONT)
        expect(first.wait(), 0, "another worker has taken the lease over")
        try expectWhole(erp, dw, day: day)
        #expect(try night.control.lines("SELECT etl_num FROM datax_config") == Array(repeating: "1", count: Self.tables))
        #expect(try night.control.lines("SELECT count(*) FROM apus_lease WHERE state <> 'done'") == ["0"])
        let log = try night.control.lines("SELECT table_name, is_finished, read_num FROM datax_log ORDER BY table_name")
        #expect(log == (0..<Self.tables).map { "t_\($0)|1|\($0 % 2 == 1 ? Self.rows / 2 : Self.rows)" })
    }

    @Test(.requires(.program("cc", package: "gcc")))
    func `workers whose clocks are wrong, and jump, load the control database's day, every table once`() throws {
        let day = "UTC_DATE() - INTERVAL 1 DAY"
        let (night, erp, dw) = try night(.postgres, day: day)
        let library = night.home.file("clock.so"), source = try night.home.write(Self.clock, to: "clock.c")
        let made = try runCommand("cc", ["-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"])
        #expect(made.status == 0, "\(made.stderr)")
        let shift = try night.home.write("-172800\n", to: "shift")
        let today = try night.control.lines("SELECT UTC_DATE()")
        let first = try night.start(
            with: ["LD_PRELOAD": library, "TEST_CLOCK": shift], "--zone", "UTC", "--parallel", "2", "--lease", "3", "--rows-per-second",
            "40000")
        let other = try night.home.write("34560000\n", to: "other")
        let second = try night.start(
            with: ["LD_PRELOAD": library, "TEST_CLOCK": other], "--zone", "UTC", "--parallel", "1", "--lease", "3", "--rows-per-second",
            "20000")
        try wait("rows on their way", until: { first.errorsSoFar.contains("started") })
        for jump in ["604800", "-90000", "0", "-31536000"] {
            usleep(500_000)
            _ = try night.home.write(jump + "\n", to: "shift")
        }
        expect(first.wait(), 0)
        expect(second.wait(), 0)
        // At midnight, the day that was asked for first is not that of the tables.
        guard try night.control.lines("SELECT UTC_DATE()") == today else { return }
        for number in 0..<Self.tables {
            let filter = number % 2 == 1 ? "WHERE day = \(day)" : ""
            let wanted = try erp.lines("SELECT id, name, day FROM t_\(number) \(filter) ORDER BY id")
            #expect(wanted.count == (number % 2 == 1 ? Self.rows / 2 : Self.rows))
            #expect(try dw.lines("SELECT id, name, day FROM t_\(number) ORDER BY id") == wanted, "t_\(number)")
        }
        #expect(
            try night.control.lines("SELECT etl_num, last_etl_date FROM datax_config")
                == Array(repeating: "1|\(today[0])", count: Self.tables))
        #expect(
            try night.control.lines("SELECT count(*) FROM datax_log WHERE etl_endtime = UTC_DATE() AND dt = UTC_DATE() AND is_finished = 1")
                == [
                    "\(Self.tables)"
                ])
        // Times of the log are the control database's too.
        #expect(
            try night.control.lines("SELECT count(*) FROM datax_log WHERE ABS(TIMESTAMPDIFF(SECOND, endtime, UTC_TIMESTAMP())) > 600") == [
                "0"
            ])
    }

    /// A wall clock that is off by what a file says, read anew each time.
    private static let clock = """
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <fcntl.h>
        #include <stdlib.h>
        #include <sys/time.h>
        #include <time.h>
        #include <unistd.h>
        static long shift(void) {
          char text[32] = {0};
          const char *path = getenv("TEST_CLOCK");
          int file = path ? open(path, O_RDONLY) : -1;
          if (file < 0) return 0;
          ssize_t count = read(file, text, sizeof text - 1);
          close(file);
          return count > 0 ? atol(text) : 0;
        }
        int clock_gettime(clockid_t id, struct timespec *now) {
          static int (*real)(clockid_t, struct timespec *);
          if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
          int status = real(id, now);
          if (id == CLOCK_REALTIME) now->tv_sec += shift();
          return status;
        }
        int gettimeofday(struct timeval *now, void *zone) {
          struct timespec time;
          clock_gettime(CLOCK_REALTIME, &time);
          now->tv_sec = time.tv_sec;
          now->tv_usec = time.tv_nsec / 1000;
          return 0;
        }
        time_t time(time_t *now) {
          struct timespec time;
          clock_gettime(CLOCK_REALTIME, &time);
          if (now) *now = time.tv_sec;
          return time.tv_sec;
        }
        """
}
