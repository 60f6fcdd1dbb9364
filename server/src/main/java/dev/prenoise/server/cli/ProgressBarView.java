package dev.prenoise.server.cli;

import dev.prenoise.v1.Accepted;
import dev.prenoise.v1.Progress;
import java.io.PrintStream;
import java.text.DecimalFormat;
import java.text.DecimalFormatSymbols;
import java.util.Locale;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** A bar that draws itself again on a terminal: loss evaluations, evaluations a second, time to go, best score. */
final class ProgressBarView implements ProgressView {
    private static final int REDRAW_MILLIS = 100;
    private static final long UNKNOWN = -1;

    private final ProgressBar bar;
    private Unit unit = Unit.LOSS_EVALUATIONS;

    ProgressBarView(PrintStream err) {
        boolean unicode = "UTF-8".equals(System.getProperty("native.encoding"));
        bar = new ProgressBarBuilder()
                .setTaskName("searching")
                .setInitialMax(UNKNOWN)
                .setStyle(unicode ? ProgressBarStyle.UNICODE_BLOCK : ProgressBarStyle.ASCII)
                .setUpdateIntervalMillis(REDRAW_MILLIS)
                .showSpeed(new DecimalFormat("0.0", DecimalFormatSymbols.getInstance(Locale.ROOT)))
                .setConsumer(new ConsoleProgressBarConsumer(err))
                .build();
        bar.setExtraMessage(" loading the model");
    }

    @Override
    public void accepted(Accepted accepted) {
        unit = Unit.of(accepted);
        int budget = unit.limit(accepted.getBudget());
        bar.maxHint(budget > 0 ? budget : UNKNOWN);
        bar.setExtraMessage("");
    }

    @Override
    public void progress(Progress progress) {
        bar.stepTo(unit.spent(progress));
        String best = " best " + ProgressView.score(progress.getBestScore());
        bar.setExtraMessage(progress.getStage().isEmpty() ? best : best + ", " + progress.getStage());
    }

    @Override
    public void close() {
        bar.close();
    }
}
