package dev.prenoise.server.cli;

import dev.prenoise.engine.ModelCatalog;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.IntConsumer;
import me.tongfei.progressbar.ProgressBar;

/** Measures prompt by prompt under a progress bar, leaves files in a folder, and prints the table among them. */
final class Tabled {
    /** What is measured. */
    @FunctionalInterface
    interface Work {
        /**
         * Leaves table.md in the output folder.
         *
         * @param progress told how many prompts are done
         */
        void run(ModelCatalog catalog, IntConsumer progress) throws IOException;
    }

    private Tabled() {}

    /**
     * @param catalog closed afterwards
     * @param task names the progress bar
     */
    static void run(Console console, ModelCatalog catalog, String task, int prompts, Path output, Work work)
            throws IOException {
        try (catalog;
                ProgressBar bar = ProgressBar.builder()
                        .setTaskName(task)
                        .setInitialMax(prompts)
                        .showSpeed()
                        .build()) {
            work.run(catalog, bar::stepTo);
        }
        console.out().print(Files.readString(output.resolve("table.md")));
    }
}
