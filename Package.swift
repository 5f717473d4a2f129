// swift-tools-version: 6.2
import PackageDescription

// MILLRACE_ONLY=engine leaves out the server stack (NIO, TLS, HTTP): the engine and the rule
// language then build and are tested in seconds. Use a scratch path of its own with it.
// MILLRACE_ONLY=intake and =delivery leave out what the other half of the service needs.
let only = Context.environment["MILLRACE_ONLY"]

let testSettings: [SwiftSetting] =
    [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    ] + (Context.environment["CI"] == nil ? [] : [.treatAllWarnings(as: .error)])
let settings: [SwiftSetting] = testSettings + [.strictMemorySafety()]

func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: testSettings)
}

/// What the fuzz tests of several targets share.
let fuzzing = Target.target(name: "Fuzzing", path: "Tests/Fuzzing", swiftSettings: testSettings)

func clib(_ name: String, pkgConfig: String, apt: String) -> Target {
    .systemLibrary(name: name, pkgConfig: pkgConfig, providers: [.apt([apt])])
}

let nio: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
    .product(name: "NIOSSL", package: "swift-nio-ssl"),
]
let service: [Target.Dependency] = [
    .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
    .product(name: "Logging", package: "swift-log"),
]

let engine: [Target] = [
    clib("CPCRE2", pkgConfig: "libpcre2-8", apt: "libpcre2-dev"),
    clib("CYAML", pkgConfig: "yaml-0.1", apt: "libyaml-dev"),
    clib("CZlib", pkgConfig: "zlib", apt: "zlib1g-dev"),
    fuzzing,
    library("Diagnostics"),
    library("Records"),
    library("YAML", ["Diagnostics", "CYAML"]),
    library("LogQL", ["Diagnostics"]),
    library("Engine", ["Records", "LogQL", "Diagnostics", "CPCRE2"]),
    library("Rules", ["Engine", "LogQL", "Records", "Diagnostics", "YAML"]),
    library("Offline", ["Rules", "Engine", "LogQL", "Records", "Diagnostics", "YAML", "CZlib"]),
    tests("DiagnosticsTests", ["Diagnostics", "YAML"]),
    tests("ArchitectureTests", []),
    tests("RecordsTests", ["Records"]),
    tests("LogQLTests", ["LogQL", "Diagnostics", "Fuzzing"]),
    tests("EngineTests", ["Engine", "LogQL", "Records", "Diagnostics", "Fuzzing"]),
    tests("RulesTests", ["Rules", "Engine", "LogQL", "Records", "Diagnostics", "YAML"]),
    tests("OfflineTests", ["Offline", "Rules", "Engine", "LogQL", "Records", "Diagnostics", "YAML", "CZlib"]),
]

let intake: [Target] = [
    .target(name: "CLinux"),
    library("Intake", ["Records", "CLinux"] + nio + service),
    tests("IntakeTests", ["Intake", "Records", "Fuzzing"] + nio + service),
]

let delivery: [Target] = [
    clib("CSnappy", pkgConfig: "snappy", apt: "libsnappy-dev"),
    library(
        "Delivery",
        [
            "Records", "CZlib", "CSnappy", .product(name: "AsyncHTTPClient", package: "async-http-client"),
            .product(name: "NIOHTTP1", package: "swift-nio"),
        ] + nio + service
    ),
    tests(
        "DeliveryTests",
        [
            "Delivery", "Records", .product(name: "AsyncHTTPClient", package: "async-http-client"),
            .product(name: "NIOHTTP1", package: "swift-nio"),
        ] + nio + service),
]

let daemon: [Target] = [
    library(
        "Daemon",
        [
            "Intake", "Delivery", "Rules", "Engine", "LogQL", "Records", "Diagnostics", "YAML", "CLinux",
            .product(name: "Hummingbird", package: "hummingbird"),
            .product(name: "UnixSignals", package: "swift-service-lifecycle"),
        ] + nio + service),
    .executableTarget(
        name: "millrace",
        dependencies: [
            "Daemon", "Offline", "Rules", "Diagnostics",
            .product(name: "ArgumentParser", package: "swift-argument-parser"),
        ],
        swiftSettings: settings),
    tests("DaemonTests", ["Daemon", "Delivery", "Records", "millrace"] + service),
]

let parts: [Target] =
    switch only {
    case "engine": engine
    case "intake": engine.filter { ["Records", "Fuzzing"].contains($0.name) } + intake
    case "delivery": engine.filter { ["Records", "CZlib"].contains($0.name) } + delivery
    default: engine + intake + delivery + daemon
    }

let package = Package(
    name: "millrace",
    dependencies: only == "engine"
        ? []
        : [
            .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
            .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
            .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
            .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
            .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
            .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
            .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        ],
    targets: parts,
    swiftLanguageModes: [.v6]
)
