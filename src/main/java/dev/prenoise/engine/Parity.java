package dev.prenoise.engine;

import dev.prenoise.backbone.Conditioning;
import dev.prenoise.backbone.MapCollector;
import dev.prenoise.backbone.checkpoint.Checkpoint;
import dev.prenoise.backbone.checkpoint.CheckpointException;
import dev.prenoise.backbone.unet.UNet;
import dev.prenoise.backbone.vae.Autoencoder;
import dev.prenoise.backbone.vae.VaeConfig;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.SafetensorsException;
import dev.prenoise.tensor.SafetensorsFile;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.text.ClipTextEncoder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Runs a checkpoint on inputs that a reference has been run on, and says how far from the reference's results its own lie. One network is in
 * memory at a time.
 *
 * <p>The folder holds {@code checkpoint.safetensors} and {@code expected.safetensors}, which {@code src/tools/parity} makes: {@code
 * latents}, {@code context} and for SDXL {@code pooled} and {@code time_ids}, the {@code timestep} in the metadata, and the reference's
 * {@code eps}, {@code cross} and {@code self} maps on the grid of a quarter of the latents' sides; text encoders' {@code <encoder>.ids}
 * with {@code text.context} and {@code text.pooled}; {@code encoded} latents and the {@code decoded} picture.
 */
public final class Parity {
    private static final List<String> TOWERS = List.of("text_encoder", "text_encoder_2");

    private final Checkpoint checkpoint;
    private final SafetensorsFile expected;
    private final Compute compute;
    private final Precision precision;
    private final List<Difference> differences = new ArrayList<>();

    /**
     * @param what result, as {@code expected.safetensors} names it
     * @param largest difference; infinite where a value is not a number
     * @param mean of the differences
     * @param scale the reference's largest value
     */
    public record Difference(String what, double largest, double mean, double scale) {}

    private Parity(Checkpoint checkpoint, SafetensorsFile expected, Compute compute, Precision precision) {
        this.checkpoint = checkpoint;
        this.expected = expected;
        this.compute = compute;
        this.precision = precision;
    }

    /**
     * @param precision of UNet and text encoders; the VAE is always in float32
     * @throws ModelException when a file is missing or broken, or does not fit the other; names it
     */
    public static List<Difference> of(Path folder, Compute compute, Precision precision) {
        try {
            SafetensorsFile expected = SafetensorsFile.open(folder.resolve("expected.safetensors"));
            Checkpoint checkpoint = Checkpoint.open(folder.resolve("checkpoint.safetensors"));
            return new Parity(checkpoint, expected, compute, precision).run();
        } catch (SafetensorsException | CheckpointException | IllegalArgumentException e) {
            throw new ModelException(String.valueOf(e.getMessage()), e);
        }
    }

    private List<Difference> run() {
        try (GradMode off = GradMode.off()) {
            unet();
            if (!checkpoint.textTowers().isEmpty() && expected.contains("text.context")) {
                text();
            }
            VaeConfig vae = checkpoint.vaeConfig();
            if (vae != null && expected.contains("decoded")) {
                decoder(vae);
            }
        }
        return differences;
    }

    private void unet() {
        DType type = precision.network(compute);
        String timestep = expected.metadata().get("timestep");
        if (timestep == null) {
            throw new ModelException(expected.path() + ": metadata \"timestep\": missing");
        }
        try (Scope scope = new Scope();
                UNet unet = new UNet(checkpoint.unetConfig(), checkpoint.unetWeights(compute, type))) {
            Tensor latents = input("latents", type);
            boolean added = checkpoint.unetConfig().added() != null;
            Conditioning conditioning = new Conditioning(
                    input("context", type),
                    added ? input("pooled", type) : null,
                    added ? input("time_ids", DType.FLOAT32) : null);
            int rows = Math.toIntExact(latents.size(2));
            int columns = Math.toIntExact(latents.size(3));
            try (MapCollector maps =
                    new MapCollector(unet.sites(rows, columns), (rows + 3) / 4, (columns + 3) / 4, true)) {
                Tensor eps = unet.run(latents, Double.parseDouble(timestep), conditioning, maps.toTheEnd());
                if (eps == null) {
                    throw new IllegalStateException("a forward pass ended before its end");
                }
                compare("eps", eps);
                compare("cross", maps.cross());
                compare("self", maps.self());
            }
        }
    }

    /** Each family's layer and norm: SDXL reads the state before the last layer, without the final norm. */
    private void text() {
        DType type = precision.text(compute);
        boolean xl = checkpoint.family().isXl();
        try (Scope scope = new Scope()) {
            List<Tensor> contexts = new ArrayList<>();
            for (int i = 0; i < checkpoint.textTowers().size(); i++) {
                try (ClipTextEncoder encoder = new ClipTextEncoder(
                        checkpoint.textTowers().get(i).config(), checkpoint.textWeights(i, compute, type))) {
                    boolean pools = i == 1;
                    ClipTextEncoder.Output read = encoder.encode(ids(TOWERS.get(i)), xl ? 1 : 0, !xl, pools);
                    contexts.add(read.hidden());
                    if (pools && read.pooled() != null) {
                        compare("text.pooled", read.pooled());
                    }
                }
            }
            compare("text.context", Tensor.cat(2, contexts));
        }
    }

    private long[][] ids(String tower) {
        try (Scope scope = new Scope()) {
            double[] stored = input(tower + ".ids", DType.FLOAT32).toDoubles();
            return new long[][] {
                Arrays.stream(stored).mapToLong(id -> (long) id).toArray()
            };
        }
    }

    private void decoder(VaeConfig config) {
        try (Scope scope = new Scope();
                Autoencoder vae = new Autoencoder(config, checkpoint.vaeWeights(compute, DType.FLOAT32))) {
            compare("decoded", vae.decode(input("encoded", DType.FLOAT32), 0));
        }
    }

    /** In the innermost scope, on the device. */
    private Tensor input(String name, DType as) {
        try (Tensor stored = expected.load(name, compute, as)) {
            return stored.mul(1.0);
        }
    }

    private void compare(String what, Tensor actual) {
        double[] mine = actual.toDoubles();
        double[] reference;
        try (Tensor stored = expected.load(what, Compute.cpu(), DType.FLOAT64)) {
            reference = stored.toDoubles();
        }
        if (mine.length != reference.length) {
            throw new ModelException(expected.path() + ": tensor \"" + what + "\": " + reference.length
                    + " values (expected: " + mine.length + ", as many as the checkpoint gives)");
        }
        double largest = 0;
        double sum = 0;
        double scale = 0;
        for (int i = 0; i < mine.length; i++) {
            double apart = Math.abs(mine[i] - reference[i]);
            largest = Double.isNaN(apart) ? Double.POSITIVE_INFINITY : Math.max(largest, apart);
            sum += apart;
            scale = Math.max(scale, Math.abs(reference[i]));
        }
        differences.add(new Difference(what, largest, sum / mine.length, scale));
    }
}
