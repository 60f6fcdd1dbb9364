package dev.prenoise.server.cli;

import com.google.protobuf.ByteString;
import dev.prenoise.server.cli.Sheet.Cell;
import dev.prenoise.server.cli.Sheet.Mark;
import dev.prenoise.server.ops.ProductVersion;
import dev.prenoise.tensor.SafetensorsType;
import dev.prenoise.tensor.SafetensorsWriter;
import dev.prenoise.v1.Accepted;
import dev.prenoise.v1.AttentionLoss;
import dev.prenoise.v1.AttentionRanking;
import dev.prenoise.v1.Candidate;
import dev.prenoise.v1.DataType;
import dev.prenoise.v1.NoiseRecipe;
import dev.prenoise.v1.Tensor;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Leaves a finished search in a folder: pictures, {@code noise.safetensors}, {@code result.json}. */
final class SearchReport {
    static final String BEFORE = "before.png";
    static final String AFTER = "after.png";
    static final String BEFORE_AFTER = "before-after.png";
    static final String CANDIDATES = "candidates.png";
    static final String NOISE = "noise.safetensors";
    static final String RESULT = "result.json";

    private static final int LARGE = 384;
    private static final int SMALL = 256;

    private final SearchResult result;
    private final String measure;

    SearchReport(SearchResult result) {
        this.result = result;
        this.measure = result.byPictures()
                ? verifiers(result.accepted())
                : loss(result.request().getAttention());
    }

    /** The second stage alone decides. */
    private static String loss(AttentionRanking ranking) {
        return WireNames.of(
                ranking.getThen() == AttentionLoss.ATTENTION_LOSS_UNSPECIFIED ? ranking.getLoss() : ranking.getThen());
    }

    private static String verifiers(Accepted accepted) {
        return accepted.getVerifiersCount() == 1 ? accepted.getVerifiers(0).getName() : "mean rank";
    }

    /**
     * Writes what there is; a service that sent no pictures leaves none. A file of an earlier run that has no successor is removed, so
     * that the folder never speaks of two runs. {@code result.json} comes last.
     *
     * @return the files, in the order written
     */
    List<Path> write(OutputFolder folder) {
        Map<String, byte[]> files = files();
        for (String name : List.of(BEFORE, AFTER, BEFORE_AFTER, CANDIDATES, NOISE)) {
            if (!files.containsKey(name)) {
                folder.delete(name);
            }
        }
        List<Path> written = new ArrayList<>();
        files.forEach((name, content) -> written.add(folder.write(name, content)));
        String json = ResultJson.of(result, List.copyOf(files.keySet()));
        written.add(folder.write(RESULT, json.getBytes(StandardCharsets.UTF_8)));
        return written;
    }

    /** What decided: a loss, a verifier, or several verifiers' ranks. */
    String measure() {
        return measure;
    }

    /** What each of several verifiers says of before and after. */
    List<String> byVerifier() {
        if (result.accepted().getVerifiersCount() < 2) {
            return List.of();
        }
        return result.accepted().getVerifiersList().stream()
                .map(verifier -> verifier.getName() + ": " + term(result.baseline(), verifier.getName()) + " -> "
                        + term(result.winner(), verifier.getName()))
                .toList();
    }

    private static String term(Candidate candidate, String name) {
        return ProgressView.score(candidate.getTermsOrDefault(name, Double.NaN));
    }

    /** "plain seed 7: 0.9120 -> seed 123456: 0.6550 (candidate 11 of 16)". */
    String headline() {
        Candidate baseline = result.baseline();
        Candidate winner = result.winner();
        int count = result.ranked().size();
        if (winner.getIndex() == 0) {
            return "the plain " + SearchResult.nameOf(winner.getRecipe()) + " is the best of " + count + ": "
                    + ProgressView.score(winner.getScore());
        }
        return "plain " + SearchResult.nameOf(baseline.getRecipe()) + ": " + ProgressView.score(baseline.getScore())
                + " -> " + SearchResult.nameOf(winner.getRecipe()) + ": " + ProgressView.score(winner.getScore())
                + " (candidate " + winner.getIndex() + " of " + count + ")";
    }

    private Map<String, byte[]> files() {
        Map<String, byte[]> files = new LinkedHashMap<>();
        Candidate baseline = result.baseline();
        Candidate winner = result.winner();
        BufferedImage before = picture(baseline);
        BufferedImage after = picture(winner);
        if (before != null && after != null) {
            files.put(BEFORE, baseline.getPreviewPng().toByteArray());
            files.put(AFTER, winner.getPreviewPng().toByteArray());
            files.put(BEFORE_AFTER, beforeAfter(before, after));
            files.put(CANDIDATES, contactSheet());
        }
        if (winner.hasNoise()) {
            files.put(NOISE, noise(winner));
        }
        return files;
    }

    private byte[] beforeAfter(BufferedImage before, BufferedImage after) {
        Candidate baseline = result.baseline();
        Candidate winner = result.winner();
        return new Sheet(
                        List.of(result.request().getPrompt().getText()),
                        2,
                        LARGE,
                        List.of(
                                new Cell(
                                        before,
                                        caption("before: plain " + SearchResult.nameOf(baseline.getRecipe()), baseline),
                                        Mark.PLAIN),
                                new Cell(
                                        after,
                                        caption("after: " + SearchResult.nameOf(winner.getRecipe()), winner),
                                        Mark.WINNER)))
                .toPng();
    }

    private List<String> caption(String name, Candidate candidate) {
        List<String> lines = new ArrayList<>(List.of(name));
        if (result.accepted().getVerifiersCount() > 1) {
            result.accepted()
                    .getVerifiersList()
                    .forEach(verifier -> lines.add(verifier.getName() + " " + term(candidate, verifier.getName())));
        }
        lines.add(measure + " " + ProgressView.score(candidate.getScore()));
        return lines;
    }

    /** Every candidate that came with a picture, in rank order; the plain seed last where it is not among them. */
    private byte[] contactSheet() {
        List<Candidate> drawn = result.ranked().stream()
                .filter(candidate -> !candidate.getPreviewPng().isEmpty())
                .toList();
        List<Cell> cells = drawn.stream().map(this::cell).toList();
        String heading = drawn.size() + " of " + result.ranked().size() + " candidates, best first, by " + measure
                + (result.winner().getScoreIsLoss() ? " (lower is better)" : " (higher is better)");
        int columns = (int) Math.ceil(Math.sqrt(cells.size()));
        return new Sheet(List.of(result.request().getPrompt().getText(), heading), columns, SMALL, cells).toPng();
    }

    private Cell cell(Candidate candidate) {
        boolean winner = candidate.getIndex() == result.winner().getIndex();
        boolean plain = candidate.getIndex() == 0;
        String rank = winner ? "winner" : "rank " + result.rankOf(candidate);
        return new Cell(
                picture(candidate),
                List.of(
                        "#" + candidate.getIndex() + "  " + ProgressView.score(candidate.getScore()),
                        SearchResult.nameOf(candidate.getRecipe()),
                        plain ? rank + ", plain seed" : rank),
                winner ? Mark.WINNER : plain ? Mark.PLAIN : null);
    }

    private static @Nullable BufferedImage picture(Candidate candidate) {
        ByteString png = candidate.getPreviewPng();
        if (png.isEmpty()) {
            return null;
        }
        try {
            return Canvas.read(png.toByteArray());
        } catch (IOException e) {
            throw new CliException("the service sent a preview that cannot be read: " + e.getMessage(), e);
        }
    }

    private byte[] noise(Candidate winner) {
        Tensor noise = winner.getNoise();
        if (noise.getDataType() != DataType.DATA_TYPE_FLOAT32) {
            throw new CliException("the service sent noise as " + noise.getDataType() + " (expected: float32)");
        }
        NoiseRecipe recipe = winner.getRecipe();
        Map<String, String> metadata = new LinkedHashMap<>();
        metadata.put("format", "pt");
        metadata.put("prenoise.version", ProductVersion.get());
        metadata.put("prenoise.backbone", result.accepted().getBackbone());
        metadata.put("prenoise.prompt", result.request().getPrompt().getText());
        metadata.put("prenoise.recipe", ResultJson.recipe(recipe).toString());
        metadata.put("prenoise.score", Double.toString(winner.getScore()));
        SafetensorsWriter.Content content = new SafetensorsWriter.Content(
                SafetensorsType.F32, noise.getShapeList(), noise.getData().toByteArray());
        return SafetensorsWriter.write(Map.of("noise", content), metadata);
    }
}
