package dev.prenoise.server.cli;

/** Sets what logback.xml reads. Called before the first logger exists. */
final class Logging {
    private static final String LEVEL = "prenoise.log.level";
    private static final String LIBRARIES = "prenoise.log.libraries";
    private static final String TRACE = "prenoise.log.trace";

    private Logging() {}

    /** A server says what happens to it; a command speaks for itself and logs only warnings. */
    static void configure(boolean verbose, String command) {
        setDefault(LEVEL, verbose ? "debug" : command.equals("serve") ? "info" : "warn");
        setDefault(LIBRARIES, verbose ? "debug" : "warn");
        setDefault(TRACE, verbose ? "full" : "1");
    }

    private static void setDefault(String property, String value) {
        if (System.getProperty(property) == null) {
            System.setProperty(property, value);
        }
    }
}
