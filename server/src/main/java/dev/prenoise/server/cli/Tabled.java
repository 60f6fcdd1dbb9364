package dev.prenoise.server.cli;

import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.study.StudyRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

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
        void run(ModelCatalog catalog, StudyRun.Progress progress) throws IOException, InterruptedException;
    }

    private Tabled() {}

    /**
     * @param catalog closed afterwards
     * @param task names the progress bar
     */
    static void run(Console console, ModelCatalog catalog, String task, Path output, Work work)
            throws IOException, InterruptedException {
        try (catalog;
                StudyBar bar = new StudyBar(console, task, "prompts")) {
            work.run(catalog, bar);
        }
        console.out().print(Files.readString(output.resolve("table.md")));
    }
}
