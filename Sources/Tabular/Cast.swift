/// The conversion of a column's values from one type to another, chosen once and applied to whole columns.
///
/// Nothing is bent: a value that the target type cannot hold as it is, also for its fraction digits or its time of day, is
/// rejected with a reason. Binary floating point is the exception: what becomes a float becomes the nearest one.
///
/// With `rounds`, as DataX jobs have it, fraction digits are rounded (half away from zero; points in time half up), and a
/// date or time of day that the target has no place for is dropped. ``ColumnType/fit(into:rounds:)`` announces either.
///
/// Between an instant and a wall clock a ``Zone`` decides.
public struct Cast: Sendable {
    public let from: ColumnType
    public let to: ColumnType
    let step: Step

    /// Nil when the conversion has no meaning, e.g. from boolean to date.
    public init?(from: ColumnType, to: ColumnType, rounds: Bool = false, zone: Zone = .utc) {
        guard let step = Cast.step(from, to, rounds, zone) else { return nil }
        self.from = from
        self.to = to
        self.step = step
    }

    /// Whether the values are the same in both types, so that the buffer can be handed over as it is.
    public var isIdentity: Bool {
        if case .identity = step { return true }
        return false
    }

    /// Appends the first `rows` values of `from`, converted, to `to`.
    ///
    /// A value that cannot be converted becomes NULL as a placeholder, and `reject` is told its row and why; the
    /// reason quotes at most 60 characters of it.
    public func apply(
        from: UnsafePointer<ColumnBuffer>, to: UnsafeMutablePointer<ColumnBuffer>, rows: Int,
        reject: (Int, String) -> Void
    ) {
        withoutActuallyEscaping(reject) { reject in
            run(Run(cast: self, from: from, to: to, rows: rows, reject: reject))
        }
    }

    private func run(_ run: Run) {
        switch step {
        case .identity: run.to.pointee.append(rows: 0..<run.rows, of: run.from)
        case .integer, .integerToBoolean, .integerToFloat, .floatToInteger, .floatToBoolean, .floatToFloat32:
            run.numbers(step)
        case .dateToTimestamp, .timestampToDate, .timestampToTime, .roundMoment, .roundSpan, .spanToTime:
            run.times(step)
        case .wallToInstant, .instantToWall, .instantToDate, .instantToTime, .formatInstant: run.zoned(step)
        case .format, .formatDecimal, .integerToBits: run.writes(step)
        case .readInteger, .readFloat, .readBoolean, .readDate, .readTime, .readDuration, .readMoment, .bitsToInteger,
            .bitsToBoolean:
            run.reads(step)
        case .limitText, .limitOctets, .limitBits, .decimal, .json, .uuid, .uuidToBytes, .bytesToUUID, .bytesToText,
            .bytesToBits, .bitsToBytes, .textToBits:
            run.rewrites(step)
        }
    }

    /// What to do with each value.
    enum Step: Sendable {
        case identity
        // Eight bytes to eight bytes.
        /// Within the limits; a source of 64 bits without sign has none below zero.
        case integer(low: Int64, high: Int64, fromUnsigned: Bool, toUnsigned: Bool)
        case integerToBoolean
        case integerToFloat(isUnsigned: Bool, isSingle: Bool)
        case floatToInteger(low: Double, high: Double, toUnsigned: Bool, rounds: Bool)
        case floatToBoolean, floatToFloat32
        case dateToTimestamp
        case timestampToDate(rounds: Bool)
        case timestampToTime(unit: Int64)
        case roundMoment(unit: Int64, rounds: Bool)
        case roundSpan(unit: Int64, rounds: Bool)
        case spanToTime(unit: Int64, rounds: Bool)
        // Between instants and wall clocks.
        case wallToInstant(Zone, isDate: Bool, unit: Int64, rounds: Bool)
        case instantToWall(Zone, unit: Int64, rounds: Bool)
        case instantToDate(Zone, rounds: Bool)
        case instantToTime(Zone, unit: Int64)
        case formatInstant(Zone, length: Int)
        // Eight bytes to octets.
        case format(kind: TextKind, length: Int, isJSON: Bool)
        case formatDecimal(kind: TextKind, precision: Int?, scale: Int?, rounds: Bool)
        case integerToBits(length: Int?)
        // Octets to eight bytes.
        case readInteger(low: Int64, high: Int64, toUnsigned: Bool, rounds: Bool)
        case readFloat(isSingle: Bool)
        case readBoolean(isDecimal: Bool)
        case readDate(Zone)
        case readTime(unit: Int64, rounds: Bool)
        case readDuration(unit: Int64, rounds: Bool)
        case readMoment(Zone, hasZone: Bool, unit: Int64, rounds: Bool)
        case bitsToInteger(high: UInt64)
        case bitsToBoolean
        // Octets to octets.
        case limitText(length: Int)
        case limitOctets(length: Int)
        case limitBits(length: Int)
        case decimal(precision: Int?, scale: Int?, rounds: Bool)
        case json, uuid, uuidToBytes, bytesToUUID
        case bytesToText(length: Int, isJSON: Bool)
        case bytesToBits(length: Int)
        case bitsToBytes(length: Int)
        case textToBits(length: Int)
    }

    /// One application to one column. The loops are in the extensions, by storage.
    struct Run {
        let cast: Cast
        let from: UnsafePointer<ColumnBuffer>
        let to: UnsafeMutablePointer<ColumnBuffer>
        let rows: Int
        let reject: (Int, String) -> Void

        func refuse(_ row: Int) {
            to.pointee.appendNull()
            reject(row, cast.reason(from, row))
        }

        @inline(__always) func fixed(_ convert: (Int64) -> Int64?) {
            let values = from.pointee.values
            for row in 0..<rows {
                if from.pointee.isNull(row) {
                    to.pointee.appendNull()
                } else if let value = convert(values[row]) {
                    to.pointee.append(value)
                } else {
                    refuse(row)
                }
            }
        }

        @inline(__always) func read(_ convert: (UnsafeBufferPointer<UInt8>) -> Int64?) {
            for row in 0..<rows {
                if from.pointee.isNull(row) {
                    to.pointee.appendNull()
                } else if let value = convert(from.pointee.bytes(row)) {
                    to.pointee.append(value)
                } else {
                    refuse(row)
                }
            }
        }

        /// `convert` appends one value, or nothing and is false.
        @inline(__always) func write(_ convert: (Int) -> Bool) {
            for row in 0..<rows {
                if from.pointee.isNull(row) {
                    to.pointee.appendNull()
                } else if !convert(row) {
                    refuse(row)
                }
            }
        }
    }
}
