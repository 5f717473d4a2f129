/// The catalogue: every number Millrace says about itself, one declaration each.
///
/// `source` is the name of a source as the configuration orders them (`tail:0`, `syslog:1`, `stdin`), never a path
/// or a peer; `destination` is the host and port of a push endpoint; `reason` says why something was dropped.
extension SelfMetric {
    // Intake
    public static let linesRead = SelfMetric(
        .counter, "millrace_lines_read_total", "Lines taken in, after framing and joining.", "source")
    public static let bytesRead = SelfMetric(
        .counter, "millrace_bytes_read_total", "Bytes read, newlines included.", "source")
    public static let linesDropped = SelfMetric(
        .counter, "millrace_lines_dropped_total", "Lines lost before the rules saw them, by reason.", "source", "reason"
    )
    public static let linesMarked = SelfMetric(
        .counter, "millrace_lines_marked_total",
        "Lines kept although something was wrong with them (cut at the limit, header not readable), by reason.",
        "source",
        "reason")
    public static let bytesLost = SelfMetric(
        .counter, "millrace_lost_bytes_total", "Bytes of files that could not be read, by reason.", "source", "reason")
    public static let filesOpen = SelfMetric(.gauge, "millrace_files_open", "Files held open.", "source")
    public static let bytesBehind = SelfMetric(
        .gauge, "millrace_bytes_behind", "Bytes of tailed files not read yet.", "source")
    public static let fileErrors = SelfMetric(
        .counter, "millrace_file_errors_total", "Files that could not be opened or read, by reason.", "source", "reason"
    )
    public static let connectionsOpen = SelfMetric(
        .gauge, "millrace_connections_open", "Connections of senders that are open.", "source")
    public static let connectionsRefused = SelfMetric(
        .counter, "millrace_connections_refused_total", "Connections of senders closed because there were too many.",
        "source")
    public static let streams = SelfMetric(.gauge, "millrace_streams", "Streams (label sets of sources) known.")
    public static let streamOverflow = SelfMetric(
        .counter, "millrace_stream_overflow_total", "Lines whose stream was over the limit and that share one.",
        "source")

    // Rules
    public static let ruleLinesMatched = SelfMetric(
        .counter, "millrace_rule_lines_matched_total", "Lines that updated a series of the rule.", "group", "rule")
    public static let ruleLinesFiltered = SelfMetric(
        .counter, "millrace_rule_lines_filtered_total", "Lines of the rule's streams that its filters rejected.",
        "group",
        "rule")
    public static let ruleLinesFailed = SelfMetric(
        .counter, "millrace_rule_lines_failed_total",
        "Lines of the rule's streams that could not be used, by the value of __error__ or another reason.", "group",
        "rule",
        "reason")
    public static let ruleSeries = SelfMetric(.gauge, "millrace_rule_series", "Series of the rule.", "group", "rule")
    public static let ruleOverflow = SelfMetric(
        .counter, "millrace_rule_series_overflow_total", "Updates that went to the overflow series.", "group", "rule")
    public static let ruleSeconds = SelfMetric(
        .gauge, "millrace_rule_seconds_per_line", "Seconds spent for a line of the rule's streams, estimated.",
        "group",
        "rule")
    public static let linesEvaluated = SelfMetric(
        .counter, "millrace_lines_evaluated_total", "Lines that went through the rules.")
    public static let linesUnmatched = SelfMetric(
        .counter, "millrace_lines_unmatched_total", "Lines of streams that no rule selects.")
    public static let regexLimit = SelfMetric(
        .counter, "millrace_regex_limit_total", "Regular expression matches given up at the match or stack limit.")

    // Delivery
    public static let batchesSent = SelfMetric(
        .counter, "millrace_push_batches_total", "Batches that a destination acknowledged.", "destination")
    public static let bytesSent = SelfMetric(
        .counter, "millrace_push_bytes_total", "Bytes of request bodies that a destination acknowledged.", "destination"
    )
    public static let linesSent = SelfMetric(
        .counter, "millrace_push_lines_total", "Lines that a destination acknowledged.", "destination")
    public static let pushRetries = SelfMetric(
        .counter, "millrace_push_retries_total", "Pushes tried again, by reason.", "destination", "reason")
    public static let pushLinesDropped = SelfMetric(
        .counter, "millrace_push_lines_dropped_total", "Lines not delivered, by reason.", "destination", "reason")
    public static let pushQueueBytes = SelfMetric(
        .gauge, "millrace_push_queue_bytes", "Bytes of lines waiting for a destination.", "destination")
    public static let spoolBytes = SelfMetric(
        .gauge, "millrace_spool_bytes", "Bytes on the disk that wait for a destination.", "destination")
    public static let spoolSegments = SelfMetric(
        .gauge, "millrace_spool_segments", "Files on the disk that wait for a destination.", "destination")
    public static let spoolOldest = SelfMetric(
        .gauge, "millrace_spool_oldest_timestamp_seconds",
        "When the oldest lines were written to the disk that wait for a destination, in seconds since the epoch; 0 when none do.",
        "destination")
    public static let spoolLines = SelfMetric(
        .counter, "millrace_spool_lines_total", "Lines written to the disk because a destination did not take them.",
        "destination")
    public static let spoolFailures = SelfMetric(
        .counter, "millrace_spool_failures_total", "Attempts to write or read the spool that failed, by reason.",
        "destination", "reason")
    public static let spoolDamaged = SelfMetric(
        .counter, "millrace_spool_damaged_total", "Records of the spool that could not be read back and were skipped.",
        "destination")

    // Service
    public static let buildInfo = SelfMetric(
        .gauge, "millrace_build_info", "Always 1; the version is a label.", "version")
    public static let started = SelfMetric(
        .gauge, "millrace_start_time_seconds", "When the process started, in seconds since the epoch.")
    public static let reloadSuccessful = SelfMetric(
        .gauge, "millrace_reload_successful", "1 if the last reload of the rules worked, else 0.")
    public static let reloads = SelfMetric(
        .counter, "millrace_reloads_total", "Reloads asked for, by outcome.", "outcome")
    public static let queueBytes = SelfMetric(
        .gauge, "millrace_worker_queue_bytes", "Bytes waiting for a worker.", "worker")
    public static let checkpoints = SelfMetric(
        .counter, "millrace_checkpoints_total", "Checkpoints written, by outcome.", "outcome")
    public static let checkpointSeconds = SelfMetric(
        .gauge, "millrace_checkpoint_seconds", "Seconds that the last checkpoint took, cut and written.")
    public static let checkpointBytes = SelfMetric(
        .gauge, "millrace_checkpoint_bytes", "Size of the series in the last checkpoint.")
    public static let catchUpSeconds = SelfMetric(
        .gauge, "millrace_catch_up_seconds",
        "Seconds after the start until all files were counted up to where they stood then.")
    public static let evaluations = SelfMetric(
        .counter, "millrace_evaluations_total", "Evaluations of rule groups.", "group")
    public static let evaluationsMissed = SelfMetric(
        .counter, "millrace_evaluations_missed_total", "Evaluations skipped because an earlier one was late.", "group")
    public static let ruleEvaluationErrors = SelfMetric(
        .counter, "millrace_rule_evaluation_errors_total",
        "Evaluations of a rule that failed because its series do not match as its expression wants it.", "group", "rule"
    )
    public static let residentBytes = SelfMetric(
        .gauge, "process_resident_memory_bytes", "Resident memory size in bytes.")
    public static let cpuSeconds = SelfMetric(
        .gauge, "millrace_process_cpu_seconds", "User and system CPU time spent, in seconds.")
}
