import ApusCore

/// The commented flow file that `apus init <source> <target>` prints. Connections and their options come from what the
/// connectors declare.
public enum FlowTemplate {
    public static func text(from source: any Connector, to target: any Connector) -> String {
        """
        # A flow: what moves from where to where. Check it with `apus check flow.yaml`, look at it with `apus plan
        # flow.yaml`, run it with `apus run flow.yaml`. Lines that begin with # are left out; those with a value show
        # the default. ${NAME} is a variable of the environment, ${file:/path} the content of a file.

        # name: nightly

        # From \(source.title).
        from: "\(url(source, variable: "SOURCE_PASSWORD"))"
        \(options(source))
        # To \(target.title).
        to: "\(url(target, variable: "TARGET_PASSWORD"))"
        \(options(target))
        # For every table that says nothing else.
        defaults:
          mode: \(modes(target).first ?? "append")\(modes(target).count > 1 ? "            # \(modes(target).joined(separator: ", "))" : "")
          # to: "ods.ods_{table}"  # the target's name; {table} and {schema} are the source's
          # create: create         # make the table when missing; or recreate, require

        # Names or patterns. `tables: ["*"]` takes everything.
        tables:
          "*":
          # orders: { mode: append, watermark: updated_at }
          # facts: { watermark: partitions(), gone_partitions: keep }   # StarRocks, Doris; or drop, stop
          # customer_*: { columns: [id, { name: upper(name) }], where: "id > 0" }
          # events: { mode: upsert, key: [id], slices: 16, slice_by: [id] }
          # daily: { query: "SELECT day, sum(amount) AS amount FROM sales GROUP BY day", to: dw.daily }

        # exclude: [tmp_*, secret]
        # with: [indexes, foreign-keys]   # made after the load, where Apus makes the table

        # limits:
        #   bad_rows: 0               # rejected rows before the run fails; or unlimited
        #   rows_per_second: 50_000   # over all channels; default: no limit
        #   bytes_per_second: 20MiB   # over all channels; default: no limit
        #   channels: 4               # connections to each side
        #   memory: 256MiB            # of batches in flight; default: what the channels need
        #   attempts: 5               # tries for a slice, the first included

        # before: ["SET search_path TO dw"]   # SQL on the target before the first table
        # after: ["ANALYZE"]                  # and after the last one

        # zone: Asia/Shanghai   # of sessions, conversions and {{ day }}
        # parameters:               # used as "{{ region }}", given with --set region=us
        #   region: eu
        # snapshot: false           # one state of the source for all channels
        # strict: false             # a lossy mapping is an error
        # create_schema: false      # make the target's schema where it is missing

        """
    }

    /// The template, read again by ``FlowReader`` with every password set.
    /// - throws: what a user would see, if the template were wrong.
    @discardableResult
    public static func check(from source: any Connector, to target: any Connector) throws -> FlowFile {
        let variables = Variables(["SOURCE_PASSWORD": "x", "TARGET_PASSWORD": "x"])
        let connectors: [any Connector] = [source, target]
        return try FlowReader(resolver: ConnectionResolver(connectors, variables: variables)).read(text(from: source, to: target))
    }

    /// The connector's example, a variable in its password's place.
    private static func url(_ connector: any Connector, variable: String) -> String {
        guard let url = try? ConnectionURL(parsing: connector.example) else { return connector.example }
        guard url.host != nil else { return connector.example }
        return url.text(password: "${\(variable)}")
    }

    private static func modes(_ connector: any Connector) -> [String] {
        LoadMode.allCases.filter(connector.abilities.modes.contains).map(\.rawValue)
    }

    /// One comment a setting: `#   tls: prefer    # help`.
    private static func options(_ connector: any Connector) -> String {
        guard !connector.settings.isEmpty else { return "" }
        let lines = connector.settings.map { setting in
            let value: String
            switch setting.kind {
            case .choice(let choices): value = setting.initial ?? choices.first ?? ""
            case .boolean: value = setting.initial ?? "false"
            default: value = setting.initial ?? "…"
            }
            var help = setting.help
            if case .choice(let choices) = setting.kind { help += " (\(choices.joined(separator: ", ")))" }
            return "#   \(setting.name)=\(value)".padded(to: 34) + "  # " + help.replacing("\n", with: " ")
        }
        return "# Options, written behind the URL as ?name=value&name=value:\n" + lines.joined(separator: "\n") + "\n"
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
