import ApusCore
import Tabular

extension Flow {
    /// Counts as DataX's JVM does: instants become wall clocks in the process's zone, and sessions have it where the JDBC driver
    /// sets it (PostgreSQL's does, MySQL's leaves the server's).
    public mutating func useProcessZone(_ connectors: [any Connector]) throws {
        zone = RunZone(Zone.process.name, .process, writesOffset: false)
        func set(_ endpoint: inout Endpoint) throws {
            let connector = connectors.first { $0.name == endpoint.connector }
            guard let connector, connector.abilities.driverSetsZone, endpoint.settings["time_zone"] == nil,
                endpoint.settings["options"] == nil
            else { return }
            try endpoint.settings.set("time_zone", Zone.process.name)
        }
        try set(&from.endpoint)
        try set(&to.endpoint)
        for index in others.indices { try set(&others[index].endpoint) }
    }
}
