package dev.prenoise.server.cli;

import dev.prenoise.v1.Accepted;
import dev.prenoise.v1.Budget;
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

    /** What a search counts. */
    enum Unit {
        LOSS_EVALUATIONS("loss evaluations"),
        FUNCTION_EVALUATIONS("function evaluations");

        private final String plural;

        Unit(String plural) {
            this.plural = plural;
        }

        /** Pictures are counted by the calls that they take; a cascade's screening takes some too. */
        static Unit of(Accepted accepted) {
            return accepted.getVerifiersCount() > 0 ? FUNCTION_EVALUATIONS : LOSS_EVALUATIONS;
        }

        String plural() {
            return plural;
        }

        /** 0: no limit. */
        int limit(Budget budget) {
            return this == LOSS_EVALUATIONS ? budget.getLossEvaluations() : budget.getFunctionEvaluations();
        }

        int spent(Progress progress) {
            return this == LOSS_EVALUATIONS ? progress.getLossEvaluations() : progress.getFunctionEvaluations();
        }

        /** A second, since the search began; 0 before the first. */
        double speed(Progress progress) {
            double seconds = seconds(progress);
            return seconds > 0 ? spent(progress) / seconds : 0;
        }
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
