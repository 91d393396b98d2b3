import ArgumentParser

/// Options of the commands that plan a flow.
struct WatermarkOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Where loads with a watermark begin this time: behind a value as the plan prints it, `last` (the remembered one, unchecked) or `all`.",
            valueName: "value"))
    var watermarkStart: String?
}
