package dev.prenoise.server.cli;

import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogManager;
import java.util.logging.LogRecord;
import java.util.logging.SimpleFormatter;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

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
        LogManager.getLogManager().reset();
        java.util.logging.Logger.getLogger("").addHandler(new OneLine(verbose));
    }

    private static void setDefault(String property, String value) {
        if (System.getProperty(property) == null) {
            System.setProperty(property, value);
        }
    }

    /**
     * gRPC logs by Java's own means, and a refused message with its whole stack trace: here with the others, what was thrown on the same
     * line.
     */
    private static final class OneLine extends Handler {
        private final boolean verbose;
        private final SimpleFormatter formatter = new SimpleFormatter();

        OneLine(boolean verbose) {
            this.verbose = verbose;
        }

        @Override
        public void publish(LogRecord entry) {
            Logger logger = LoggerFactory.getLogger(String.valueOf(entry.getLoggerName()));
            Throwable thrown = entry.getThrown();
            String text =
                    formatter.formatMessage(entry) + (thrown == null ? "" : " (" + Failures.oneLine(thrown) + ")");
            int level = entry.getLevel().intValue();
            if (level >= Level.SEVERE.intValue()) {
                logger.error(text, verbose ? thrown : null);
            } else if (level >= Level.WARNING.intValue()) {
                logger.warn(text, verbose ? thrown : null);
            } else if (level >= Level.INFO.intValue()) {
                logger.info(text);
            }
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
    }
}
