package dev.prenoise.server.cli;

import dev.prenoise.study.StudyRun;
import java.time.Duration;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;

/** How much of a study is done and how long the rest will take; from the first news on. */
final class StudyBar implements StudyRun.Progress, AutoCloseable {
    private final Console console;
    private final String task;
    private final String unit;
    private @Nullable ProgressBar bar;

    /**
     * @param unit what is counted, in the plural
     */
    StudyBar(Console console, String task, String unit) {
        this.console = console;
        this.task = task;
        this.unit = unit;
    }

    @Override
    public void units(int known, int of) {
        if (bar == null) {
            bar = ProgressBar.builder()
                    .setTaskName(task)
                    .setUnit(" " + unit, 1)
                    .setStyle(ProgressBarStyle.ASCII)
                    .setUpdateIntervalMillis(console.terminal() ? 500 : 60_000)
                    .setConsumer(new ConsoleProgressBarConsumer(console.err()))
                    .setInitialMax(of)
                    // what was known before says nothing of how fast the rest will be
                    .startsFrom(known, Duration.ZERO)
                    .build();
        }
        bar.stepTo(known);
    }

    @Override
    public void close() {
        if (bar != null) {
            bar.close();
        }
    }
}
