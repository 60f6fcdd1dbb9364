package dev.prenoise.engine;

import dev.prenoise.backbone.Conditioning;
import dev.prenoise.backbone.unet.UNet;
import dev.prenoise.backbone.vae.Autoencoder;
import dev.prenoise.backbone.vae.VaeConfig;
import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseGenerator;
import dev.prenoise.noise.NoiseSource;
import dev.prenoise.search.PathEvaluator;
import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.GradMode;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import dev.prenoise.tensor.Weights;
import dev.prenoise.verifier.ClipVision;
import dev.prenoise.verifier.ClipVisionConfig;
import dev.prenoise.verifier.Judge;
import dev.prenoise.verifier.Question;
import dev.prenoise.verifier.Shot;
import dev.prenoise.verifier.VerifierOffer;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/** Where the time of a scored picture goes: denoising, decoding, verifying. */
public final class PictureCost {
    private static final String PROMPT = "a red circle and a blue square";

    /** Of Stable Diffusion's pictures: its usual one. */
    private static final int STEPS = 30;

    private final PrintStream out;

    public PictureCost(PrintStream out) {
        this.out = out;
    }

    /** The built-in model's pictures, batch by batch, judged by every verifier that can be used on them; after a batch that is not counted. */
    public void builtIn(ModelCatalog catalog, int rounds) {
        List<VerifierOffer> offers = catalog.verifiers().list().stream()
                .filter(offer -> offer.problem() == null)
                .filter(offer ->
                        offer.name().startsWith("shapes-") || offer.name().equals("oracle"))
                .toList();
        List<TimedJudge> judges = new ArrayList<>();
        List<Long> calls = new ArrayList<>();
        try (PromptSession session =
                catalog.open("shapes").prepare(new PromptSpec(PROMPT, "", List.of()), SamplingSpec.DEFAULT, 0, 0)) {
            for (VerifierOffer offer : offers) {
                judges.add(new TimedJudge(catalog.verifiers().open(offer.name()).judge(Question.of(PROMPT))));
            }
            List<Panel.Member> members = IntStream.range(0, judges.size())
                    .mapToObj(i -> new Panel.Member(offers.get(i).name(), judges.get(i), 1))
                    .toList();
            PathEvaluator evaluator =
                    session.pictures(new Panel(members), new PictureOptions(0, 0, PictureOptions.Turns.ALONE, () -> {
                        calls.add(System.nanoTime());
                        return false;
                    }));
            int batch = evaluator.maxBatch();
            double denoising = 0;
            double decoding = 0;
            double[] verifying = new double[judges.size()];
            for (int round = 0; round <= rounds; round++) {
                calls.clear();
                evaluator.evaluate(noises(session, round * batch, batch));
                if (round == 0) {
                    continue;
                }
                // the last call's end is not seen: it takes as long as the others
                double first = calls.get(0);
                double each = (calls.get(calls.size() - 1) - first) / (calls.size() - 1);
                denoising += each * calls.size();
                decoding += judges.get(0).began - first - each * calls.size();
                for (int i = 0; i < verifying.length; i++) {
                    verifying[i] += judges.get(i).took;
                }
            }
            double pictures = (double) rounds * batch;
            out.printf(
                    Locale.ROOT,
                    "shapes, 64 px, %d guided denoiser calls, batch %d, %d threads, mean of %.0f pictures%n",
                    calls.size(),
                    batch,
                    Compute.threads(),
                    pictures);
            List<String> names = new ArrayList<>(List.of("denoising", "decoding"));
            offers.forEach(offer -> names.add("verifying: " + offer.name()));
            double[] nanos = new double[names.size()];
            nanos[0] = denoising / pictures;
            nanos[1] = decoding / pictures;
            for (int i = 0; i < verifying.length; i++) {
                nanos[2 + i] = verifying[i] / pictures;
            }
            print(names, nanos);
        } finally {
            judges.forEach(TimedJudge::close);
        }
    }

    private static List<Noise> noises(PromptSession session, int from, int count) {
        return IntStream.range(from, from + count)
                .mapToObj(seed -> NoiseGenerator.generate(NoiseSource.TORCH_CPU, seed, session.noiseShape()))
                .toList();
    }

    /**
     * Random networks of the shapes of Stable Diffusion 1.5 at 512 pixels and of a CLIP ViT-L/14, one picture at a time: 6 GB of memory. Each
     * network takes its turn; denoising is a guided call times {@value #STEPS}.
     */
    public void stableDiffusion(Compute compute, int rounds) {
        double[] nanos = new double[3];
        try (GradMode off = GradMode.off();
                Scope scope = new Scope();
                UNet unet = LossBenchmark.stableDiffusionUNet(compute, DType.FLOAT32);
                Autoencoder vae = new Autoencoder(
                        new VaeConfig(4, List.of(128, 256, 512, 512), 2, 32, true, true, true, 0.18215, 0),
                        Weights.synthetic(compute, DType.FLOAT32, 2));
                Weights clip = Weights.synthetic(compute, DType.FLOAT32, 3)) {
            ClipVision vision =
                    new ClipVision(new ClipVisionConfig(224, 14, 1024, 4096, 24, 16, 1e-5, true), 768, clip);
            Tensor latents = normal(compute, 2, 4, 64, 64);
            Conditioning context = Conditioning.of(normal(compute, 2, 77, 768));
            Tensor pixels = normal(compute, 1, 3, 224, 224);
            List<Runnable> parts = List.of(
                    () -> unet.predict(latents, 981, context).toFloats(),
                    () -> vae.decode(latents.narrow(0, 0, 1), 0).toFloats(),
                    () -> vision.embeddings(pixels).toFloats());
            for (int round = 0; round <= rounds; round++) {
                for (int i = 0; i < parts.size(); i++) {
                    try (Scope turn = new Scope()) {
                        long start = System.nanoTime();
                        parts.get(i).run();
                        nanos[i] += round == 0 ? 0 : System.nanoTime() - start;
                    }
                }
            }
        }
        nanos[0] *= STEPS;
        out.printf(
                Locale.ROOT,
                "SD1.5 shape, 512 px, %d guided denoiser calls, batch 1, %d threads, mean of %d turns%n",
                STEPS,
                Compute.threads(),
                rounds);
        print(
                List.of("denoising", "decoding", "verifying: ViT-L/14"),
                Arrays.stream(nanos).map(sum -> sum / rounds).toArray());
    }

    private static Tensor normal(Compute compute, long... shape) {
        return Tensor.of(
                compute,
                NoiseGenerator.generate(NoiseSource.TORCH_CPU, 1, shape).data(),
                shape);
    }

    private void print(List<String> names, double[] nanos) {
        double all = Arrays.stream(nanos).sum();
        for (int i = 0; i < nanos.length; i++) {
            out.printf(Locale.ROOT, "%-28s %12.1f ms %8.1f %%%n", names.get(i), nanos[i] / 1e6, 100 * nanos[i] / all);
        }
    }

    /** Remembers when it was asked last and how long it took, in nanoseconds. */
    private static final class TimedJudge implements Judge {
        private final Judge judge;
        private long began;
        private long took;

        TimedJudge(Judge judge) {
            this.judge = judge;
        }

        @Override
        public double[] score(List<Shot> shots) {
            began = System.nanoTime();
            double[] scores = judge.score(shots);
            took = System.nanoTime() - began;
            return scores;
        }

        @Override
        public void close() {
            judge.close();
        }
    }
}
