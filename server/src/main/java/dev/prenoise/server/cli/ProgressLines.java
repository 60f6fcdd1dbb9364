package dev.prenoise.server.cli;

import dev.prenoise.v1.Accepted;
import dev.prenoise.v1.Progress;
import java.io.PrintStream;
import java.util.Locale;

/** A line for each tenth of the budget, and one when the pictures are drawn: for logs. */
final class ProgressLines implements ProgressView {
    private static final int STEPS = 10;
    /** The stage behind the search, when pictures are made. */
    private static final String DRAWING = "drawing";

    private final PrintStream err;
    private int budget;
    private int shown = -1;
    private String stage = "";

    ProgressLines(PrintStream err) {
        this.err = err;
    }

    @Override
    public void accepted(Accepted accepted) {
        budget = accepted.getBudget().getLossEvaluations();
        err.println("searching on " + accepted.getBackbone() + (budget > 0 ? ": " + budget + " loss evaluations" : ""));
    }

    @Override
    public void progress(Progress progress) {
        int step = (int) (progress.getFraction() * STEPS);
        boolean drawing = progress.getStage().equals(DRAWING) && !stage.equals(DRAWING);
        if (step <= shown && !drawing) {
            return;
        }
        shown = step;
        stage = progress.getStage();
        err.println(String.format(
                Locale.ROOT,
                "%s  %d%s  best %s  %.1f/s  %d s left",
                stage.isEmpty() ? "search" : stage,
                progress.getLossEvaluations(),
                budget > 0 ? "/" + budget : "",
                ProgressView.score(progress.getBestScore()),
                ProgressView.speed(progress),
                ProgressView.secondsLeft(progress)));
    }

    @Override
    public void close() {}
}
