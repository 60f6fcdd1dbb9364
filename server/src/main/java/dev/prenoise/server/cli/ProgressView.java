package dev.prenoise.server.cli;

import dev.prenoise.v1.Accepted;
import dev.prenoise.v1.Progress;
import java.time.Duration;
import java.util.Locale;

/** Shows how far a search is. Used by one thread. */
sealed interface ProgressView extends AutoCloseable permits ProgressView.Silent, ProgressLines, ProgressBarView {
    /** A bar where standard error is a terminal, a line now and then where it is a file or a pipe. */
    static ProgressView of(Console console, boolean quiet) {
        if (quiet) {
            return new Silent();
        }
        return console.terminal() ? new ProgressBarView(console.err()) : new ProgressLines(console.err());
    }

    void accepted(Accepted accepted);

    void progress(Progress progress);

    @Override
    void close();

    /** Loss evaluations a second since the search began; 0 before the first. */
    static double speed(Progress progress) {
        double seconds = seconds(progress);
        return seconds > 0 ? progress.getLossEvaluations() / seconds : 0;
    }

    /** Seconds to go at the speed so far. */
    static long secondsLeft(Progress progress) {
        double fraction = progress.getFraction();
        return fraction > 0 ? Math.round(seconds(progress) * (1 - fraction) / fraction) : 0;
    }

    static String score(double score) {
        return String.format(Locale.ROOT, "%.5f", score);
    }

    private static double seconds(Progress progress) {
        return Duration.ofSeconds(
                                progress.getElapsed().getSeconds(),
                                progress.getElapsed().getNanos())
                        .toNanos()
                / 1e9;
    }

    /** For {@code --quiet}. */
    final class Silent implements ProgressView {
        @Override
        public void accepted(Accepted accepted) {}

        @Override
        public void progress(Progress progress) {}

        @Override
        public void close() {}
    }
}
