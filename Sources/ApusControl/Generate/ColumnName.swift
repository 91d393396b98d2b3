import ApusCore

/// A column's name as it stands in a column list: plain where every system takes it so, else quoted.
struct ColumnName {
    let dialect: any Dialect

    func text(_ name: String) -> String { isPlain(name) ? name : dialect.quote(name) }

    /// `user_id`: ASCII letters, digits and underscores, and no word that a system keeps for itself.
    private func isPlain(_ name: String) -> Bool {
        guard let first = name.unicodeScalars.first, !("0"..."9").contains(first) else { return false }
        let isWord = name.unicodeScalars.allSatisfy {
            ("a"..."z").contains($0) || (!dialect.foldsNames && ("A"..."Z").contains($0)) || ("0"..."9").contains($0) || $0 == "_"
        }
        return isWord && !Self.reserved.contains(name.lowercased())
    }

    /// What MariaDB, MySQL, PostgreSQL or SQLite refuse as a column's name without quotes ("Reserved Words", "Keywords and
    /// Reserved Words", "SQL Key Words", "SQLite Keywords").
    private static let reserved: Set<String> = Set(
        """
        accessible add all alter analyse analyze and any array as asc asensitive asymmetric authorization before between bigint
        binary blob both by call cascade case change char character check collate collation column concurrently condition
        constraint continue convert create cross cube cume_dist current_catalog current_date current_role current_schema
        current_time current_timestamp current_user cursor database databases day_hour day_microsecond day_minute day_second
        dec decimal declare default deferrable delayed delete dense_rank desc describe deterministic distinct distinctrow div
        do double drop dual each else elseif empty enclosed end escape escaped except exists exit explain false fetch
        first_value float float4 float8 for force foreign freeze from full fulltext function generated get glob grant group
        grouping groups having high_priority hour_microsecond hour_minute hour_second if ignore ilike in index indexed
        infile initially inner inout insensitive insert instead int int1 int2 int3 int4 int8 integer intersect interval
        into io_after_gtids io_before_gtids is isnull iterate join json_table key keys kill lag last_value lateral lead
        leading leave left like limit linear lines load localtime localtimestamp lock long longblob longtext loop
        low_priority manual master_bind match maxvalue mediumblob mediumint mediumtext middleint minute_microsecond
        minute_second mod modifies natural no_write_to_binlog not nothing notnull nth_value ntile null numeric of offset on
        only optimize optimizer_costs option optionally or order out outer outfile over overlaps parallel partition
        percent_rank placing precision primary procedure purge qualify raise range rank read reads read_write real recursive
        references regexp release rename repeat replace require resignal restrict return returning revoke right rlike row
        row_number rows schema schemas second_microsecond select sensitive separator session_user set show signal similar
        smallint some spatial specific sql sqlexception sqlstate sqlwarning sql_big_result sql_calc_found_rows
        sql_small_result ssl starting stored straight_join symmetric system system_user table tablesample terminated then
        tinyblob tinyint tinytext to trailing transaction trigger true undo union unique unlock unsigned update usage use
        user using utc_date utc_time utc_timestamp values varbinary varchar varcharacter variadic varying verbose virtual
        when where while window with write xor year_month zerofill
        """.split(whereSeparator: \.isWhitespace).map(String.init))
}
