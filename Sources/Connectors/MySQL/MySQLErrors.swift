import ApusCore
import MySQLClient

/// What a fault means to MySQL and MariaDB.
extension MySQLFault {
    /// `doing` completes "could not …". Numbers are those of the manual's "Server Error Message Reference".
    func error(doing: String, hint: String? = nil) -> ApusError {
        let (code, advice) = classify()
        return ApusError(code, "could not \(doing)", hint: hint ?? advice, underlying: underlying)
    }

    /// The driver's words with what stands in quotes hidden where it can be a row's value.
    var underlying: String { "MySQL \(number): \(mayShowValues ? hidingValues : words)" }

    var isRowFault: Bool { Self.rowFaults.contains(number) }
    /// The server or the client does not take LOAD DATA LOCAL.
    var isInfileRefused: Bool {
        [1148, 2068, 3948, 4166].contains(number) || (number == 2000 && words.contains("forbidden"))
    }
    var isPrepareUnsupported: Bool { [1295, 1047, 2030].contains(number) }

    /// What ``MySQLTarget/insertTail(_:key:_:)`` fails with: ER_SUBQUERY_NO_1_ROW, or ER_DATA_OUT_OF_RANGE on OceanBase.
    static let otherKey = 1242, otherKeyOutOfRange = 1690

    /// What the target refuses because of a row's own values.
    static let rowFaults: Set<Int> = [
        1048, 1062, 1118, 1138, 1153, 1169, 1216, 1217, otherKey, 1261, 1262, 1263, 1264, 1265, 1292, 1300, 1301, 1364, 1366, 1367,
        1406, 1411, 1416, 1438, 1441, 1452, 1525, 1526, 1586, 1690, 1748, 1761, 1762, 3140, 3141, 3144, 3156,
        3163, 3617, 3643, 3673, 3732, 3819, 4025, 4038, 4161, 3957,
    ]

    private func classify() -> (ApusError.Code, String?) {
        if isRowFault { return (.rowRejected, nil) }
        if isConnectionLost { return (.unreachable, nil) }
        // Errors of files name the operating system's own; 28 is ENOSPC.
        if [3, 1016, 1026, 1030].contains(number), words.contains("28") || words.contains("No space") {
            return (.full, "Free space on the server, then resume.")
        }
        switch number {
        case 1969, 3024:
            return (.timeout, "Raise `statement_timeout`, or cut the table into more slices.")
        case 1040, 1203, 1226, 1205, 1206, 1213, 1317, 1614, 1637, 1412, 3572, 1192, 1020, 1180:
            return (.transient, nil)
        case 1290, 1836, 1792:
            return (.permission, "The server is read-only: connect to the primary.")
        case 1021, 1114, 1034, 1037, 1038, 3675:
            return (.full, "Free space on the server, then resume.")
        case 1044, 1142, 1143, 1227, 1370, 1410, 1419, 1095, 1211:
            return (.permission, "Grant the user the privilege named here.")
        case 1045, 1130, 1129, 1251, 1524, 1698, 1862, 2049, 2059, 2061, 3118, 1820, 2054:
            return (.refused, nil)
        case 1046, 1049, 1051, 1054, 1109, 1146, 1305, 1072, 1091, 1176:
            return (.notFound, nil)
        case 1007, 1022, 1050, 1060, 1061, 1826: return (.exists, nil)
        case 2026, 3159, 1825: return (.tls, nil)
        case 1451, 1701, 3730: return (.referenced, "Use mode upsert or append, or drop those foreign keys for the load.")
        case 1235, 1295, 1047, 1148, 2068, 3948, 4166: return (.unsupported, nil)
        default: return (.statement, nil)
        }
    }

    private var mayShowValues: Bool {
        isRowFault || [1064, 1105, 1210, 1411, 1582, 1690].contains(number)
    }

    /// `Duplicate entry '•••' for key 'PRIMARY'`: the text from the first quote to the last ` for `, or to the end.
    private var hidingValues: String {
        guard let quote = words.firstIndex(of: "'") else { return words }
        if [1048, 1264, 1265, 1406, 1364, 1263, 1452, 3819, 4025].contains(number) { return words }
        let head = words[...quote]
        if let tail = words.range(of: " for ", options: .last, after: quote) { return head + "•••'" + words[tail.lowerBound...] }
        return head + "•••'"
    }
}

extension String {
    fileprivate enum SearchOption { case last }

    /// The last occurrence of `needle` behind `start`.
    fileprivate func range(of needle: String, options: SearchOption, after start: Index) -> Range<Index>? {
        self[start...].ranges(of: needle).last
    }
}
