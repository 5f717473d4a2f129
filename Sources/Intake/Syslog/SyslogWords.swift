/// The words for severities and facilities that Promtail uses, so that selectors stay as they are.
enum SyslogWords {
    /// By severity, 0 to 7 (RFC 5424 §6.2.1).
    static let severities = [
        "emergency", "alert", "critical", "error", "warning", "notice", "informational", "debug",
    ]

    /// By facility, 0 to 23 (the keywords of syslog.conf; Promtail's for those that have none).
    static let facilities = [
        "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp",
        "security", "console", "solaris-cron", "local0", "local1", "local2", "local3", "local4", "local5", "local6",
        "local7",
    ]
}
