package dev.prenoise.training;

import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.Parameters;
import dev.prenoise.tensor.SafetensorsFile;
import dev.prenoise.tensor.SafetensorsWriter;
import dev.prenoise.tensor.SafetensorsWriter.Content;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weight;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.IntConsumer;

/**
 * One training of one network: parameters, AdamW on a cosine, gradients clipped by their global norm, a moving average. Its folder holds
 * {@code training.safetensors}, the state as of the last checkpoint, and {@code loss.csv}, a line for each step.
 *
 * <p>A run that was stopped and goes on from its checkpoint ends with the same bits as one that was not: on one machine with one number of
 * threads, as libtorch's sums depend on both. One thread at a time.
 */
public final class TrainingRun implements AutoCloseable {
    private static final String STATE = "training.safetensors";
    private static final String CURVE = "loss.csv";

    private final Path folder;
    private final TrainingPlan plan;
    private final Parameters parameters;
    private final AdamW optimiser;
    private final MovingAverage average;
    private int step;

    private TrainingRun(Path folder, TrainingPlan plan, Parameters parameters, AdamW.Moments moments, int step) {
        this.folder = folder;
        this.plan = plan;
        this.parameters = parameters;
        this.step = step;
        boolean begins = step == 0;
        try (GradMode off = GradMode.off()) {
            optimiser = new AdamW(parameters, plan.weightDecay(), begins ? AdamW.Moments::zeros : moments);
            average = new MovingAverage(parameters, plan.averageDecay(), begins ? TrainingRun::copy : moments);
        }
    }

    /**
     * Begins a run, or goes on with the one in the folder.
     *
     * @param folder created when missing
     * @param resume whether to go on from its checkpoint, where there is one
     * @param shapes of every parameter
     * @param start where parameters start
     * @throws IllegalArgumentException as {@link #requireFits} does
     * @throws dev.prenoise.tensor.SafetensorsException when the checkpoint cannot be read or is one of another network
     * @throws UncheckedIOException when the folder cannot be written
     */
    public static TrainingRun open(
            Path folder,
            boolean resume,
            TrainingPlan plan,
            Compute compute,
            Map<String, List<Long>> shapes,
            Parameters.Start start) {
        requireFits(folder, resume, plan);
        if (!isIn(folder)) {
            return new TrainingRun(folder, plan, new Parameters(compute, shapes, start), TrainingRun::never, 0);
        }
        SafetensorsFile file = SafetensorsFile.open(folder.resolve(STATE));
        int step = stepOf(file);
        Parameters parameters = new Parameters(compute, shapes, (name, shape) -> {
            try (Tensor values = file.load("weights." + name, Compute.cpu(), DType.FLOAT32)) {
                return values.toFloats();
            }
        });
        AdamW.Moments moments = (name, weight) -> {
            // A copy: what lies over the file is not to be written to.
            try (Scope scope = new Scope();
                    Tensor stored = file.load(name, compute, DType.FLOAT32)) {
                return Scope.release(stored.copy());
            }
        };
        return new TrainingRun(folder, plan, parameters, moments, step);
    }

    /**
     * Whether a run may begin in the folder, or go on there. Changes nothing.
     *
     * @throws IllegalArgumentException when the folder holds a run that is not to be resumed, or when its checkpoint is one of another plan; one
     *     that differs only in when the rate falls may go on while it has not begun to fall in either
     * @throws dev.prenoise.tensor.SafetensorsException when the checkpoint cannot be read
     */
    static void requireFits(Path folder, boolean resume, TrainingPlan plan) {
        if (!isIn(folder)) {
            return;
        }
        Path state = folder.resolve(STATE);
        SafetensorsFile file = SafetensorsFile.open(state);
        int step = stepOf(file);
        if (!resume) {
            throw new IllegalArgumentException(
                    folder + ": holds a run of " + step + " steps (expected: --resume, or another folder)");
        }
        String planned = file.metadata().getOrDefault("plan", "");
        if (!planned.equals(plan.until(step))) {
            throw new IllegalArgumentException(
                    state + ": of another plan, " + planned + " (expected: " + plan.until(step) + ")");
        }
    }

    /** Whether the folder has a run's checkpoint. */
    static boolean isIn(Path folder) {
        return Files.exists(folder.resolve(STATE));
    }

    private static int stepOf(SafetensorsFile state) {
        return Integer.parseInt(state.metadata().getOrDefault("step", ""));
    }

    private static Tensor never(String name, Weight weight) {
        throw new IllegalStateException(name + ": read of a run that begins");
    }

    private static Tensor copy(String name, Weight weight) {
        try (Scope scope = new Scope()) {
            return Scope.release(weight.get().detach().copy());
        }
    }

    /** What the network is to be built on. */
    public Parameters parameters() {
        return parameters;
    }

    /** The moving averages by name, which are the result. They change with the next step. */
    public SortedMap<String, Tensor> averages() {
        return average.values();
    }

    /** Steps done. */
    public int step() {
        return step;
    }

    /**
     * Trains until this many steps are done, writing a checkpoint every so many and at the end.
     *
     * @param until at most the plan's
     * @param checkpointEvery steps, at least 1
     * @param progress is told the steps done
     * @throws ArithmeticException when the loss is no number any more
     */
    public void run(Objective objective, int until, int checkpointEvery, IntConsumer progress) {
        try {
            Files.createDirectories(folder);
            List<String> lines = cutCurve(objective);
            while (step < Math.min(until, plan.steps())) {
                lines.add(advance(objective));
                step++;
                progress.accept(step);
                if (step % checkpointEvery == 0 || step == Math.min(until, plan.steps())) {
                    Files.writeString(folder.resolve(CURVE), String.join("", lines), StandardOpenOption.APPEND);
                    lines.clear();
                    save();
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(folder + ": cannot be written: " + e, e);
        }
    }

    /** One step; returns the curve's line. */
    private String advance(Objective objective) {
        try (Scope scope = new Scope()) {
            Objective.Loss loss;
            try (GradMode on = GradMode.on()) {
                loss = objective.loss(step);
                loss.total().backward();
            }
            try (GradMode off = GradMode.off()) {
                double total = loss.total().toFloats()[0];
                if (!Double.isFinite(total)) {
                    throw new ArithmeticException("loss: " + total + " at step " + step + " (expected: a number)");
                }
                double rate = plan.rateAt(step);
                Gradients gradients = Gradients.of(parameters);
                optimiser.step(gradients.clipped(plan.largestGradient()), rate, step);
                average.step(step);
                parameters.all().values().forEach(weight -> weight.get().clearGradient());
                return line(total, loss, gradients.norm(), rate);
            }
        }
    }

    private String line(double total, Objective.Loss loss, double norm, double rate) {
        StringBuilder line = new StringBuilder(String.format(Locale.ROOT, "%d,%.6f", step, total));
        loss.parts().forEach(part -> line.append(String.format(Locale.ROOT, ",%.6f", part.toFloats()[0])));
        return line.append(
                        String.format(Locale.ROOT, ",%.4f,%.3e%n", norm, rate).replace("\r", ""))
                .toString();
    }

    /** Keeps of the curve what the checkpoint knows. Returns lines to write: none. */
    private List<String> cutCurve(Objective objective) throws IOException {
        Path file = folder.resolve(CURVE);
        List<String> lines = new ArrayList<>();
        if (step > 0 && Files.exists(file)) {
            List<String> written = Files.readAllLines(file);
            lines.addAll(written.subList(0, Math.min(written.size(), 1 + step)));
        } else {
            List<String> columns = new ArrayList<>(List.of("step", "loss"));
            columns.addAll(objective.parts());
            columns.addAll(List.of("gradient_norm", "rate"));
            lines.add(String.join(",", columns));
        }
        Files.writeString(file, String.join("\n", lines) + "\n");
        return new ArrayList<>();
    }

    private void save() throws IOException {
        Map<String, Tensor> state = new TreeMap<>();
        parameters.all().forEach((name, weight) -> state.put("weights." + name, weight.get()));
        optimiser.collect(state);
        average.collect(state);
        Map<String, Content> contents = new LinkedHashMap<>();
        state.forEach((name, tensor) -> contents.put(name, Content.of(tensor)));
        Path fresh = folder.resolve(STATE + ".new");
        Files.write(
                fresh,
                SafetensorsWriter.write(contents, Map.of("plan", plan.until(step), "step", String.valueOf(step))));
        Files.move(fresh, folder.resolve(STATE), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    @Override
    public void close() {
        optimiser.close();
        average.close();
        parameters.close();
    }
}
