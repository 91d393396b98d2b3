import ApusCore

/// StarRocks 2.5 and later: rows come over the SQL port, and go by Stream Load.
public struct StarRocksConnector: Connector {
    public let name = "starrocks"
    public let title = "StarRocks"
    public let schemes = ["starrocks"]
    public let settings = StarRocksOptions.declared
    public let abilities = StarRocksOptions.abilities
    public let example = "starrocks://user:password@fe1:9030,fe2:9030/dw?http=8030"
    public var dialect: (any Dialect)? { StarRocksDialect(StarRocksProfile(.starRocks, major: 3, minor: 3, text: "3.3")) }

    public init() {}

    public func open(_ endpoint: Endpoint, interrupt: Interrupt) throws -> any Session {
        try StarRocksSession(endpoint, interrupt: interrupt)
    }
}

/// Apache Doris 2.0 and later, which shares StarRocks' ancestry and most of its protocols.
public struct DorisConnector: Connector {
    public let name = "doris"
    public let title = "Apache Doris"
    public let schemes = ["doris"]
    public let settings = StarRocksOptions.declared
    public let abilities = StarRocksOptions.abilities
    public let example = "doris://user:password@fe1:9030,fe2:9030/dw?http=8030"
    public var dialect: (any Dialect)? { StarRocksDialect(StarRocksProfile(.doris, major: 2, minor: 1, text: "2.1")) }

    public init() {}

    public func open(_ endpoint: Endpoint, interrupt: Interrupt) throws -> any Session {
        try StarRocksSession(endpoint, interrupt: interrupt)
    }
}
