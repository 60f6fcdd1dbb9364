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
    private Unit unit = Unit.LOSS_EVALUATIONS;
    private int budget;
    private int shown = -1;
    private String stage = "";

    ProgressLines(PrintStream err) {
        this.err = err;
    }

    @Override
    public void accepted(Accepted accepted) {
        unit = Unit.of(accepted);
        budget = unit.limit(accepted.getBudget());
        err.println("searching on " + accepted.getBackbone() + (budget > 0 ? ": " + budget + " " + unit.plural() : ""));
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
                unit.spent(progress),
                budget > 0 ? "/" + budget : "",
                ProgressView.score(progress.getBestScore()),
                unit.speed(progress),
                ProgressView.secondsLeft(progress)));
    }

    @Override
    public void close() {}
}
