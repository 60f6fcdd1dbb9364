package dev.prenoise.server.cli;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import com.google.protobuf.ByteString;
import dev.prenoise.v1.ImageScore;
import dev.prenoise.v1.ScoreImagesRequest;
import dev.prenoise.v1.ScoreImagesResponse;
import dev.prenoise.v1.Verifier;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code prenoise score}: what verifiers say of pictures that are there already. */
@Command(
        name = "score",
        header = "Scores pictures by verifiers, and ranks them.",
        description =
                "Prints one line for each picture, the best first. Higher is better. RANKED is the mean share of the pictures "
                        + "that one beats, from 0 to 1.",
        sortOptions = false)
final class ScoreCommand implements Callable<Integer> {
    private static final Pattern IMAGE = Pattern.compile("\\bimages\\[(\\d{1,9})]");

    private final Console console;
    private final Function<ModelOptions, Service> local;

    @Parameters(paramLabel = "IMAGE", arity = "1..*", description = "PNG, JPEG or WebP files.")
    private List<Path> images = new ArrayList<>();

    @Option(names = "--prompt", paramLabel = "TEXT", description = "What the pictures should show.")
    private String prompt = "";

    @Option(
            names = "--verifier",
            required = true,
            paramLabel = "NAME[:WEIGHT]",
            description =
                    "Who judges, and with what weight in the ranking; `prenoise models` lists them. May be given again.")
    private List<String> verifiers = new ArrayList<>();

    @Option(
            names = "--class",
            paramLabel = "LABEL",
            description = "The class that a classifier looks for, by name or number. Default: found in the prompt.")
    private String label = "";

    @Option(
            names = "--instructions",
            paramLabel = "FILE",
            description = "What --verifier llm shall look for, in place of the usual.")
    private @Nullable Path instructions;

    @Option(
            names = "--json",
            description = "Prints JSON: the pictures in the order given, null where one was not judged.")
    private boolean json;

    @Mixin
    private ServiceOptions service = new ServiceOptions();

    ScoreCommand(Console console, Function<ModelOptions, Service> local) {
        this.console = console;
        this.local = local;
    }

    @Override
    public Integer call() {
        ScoreImagesRequest.Builder request = request();
        ScoreImagesResponse response;
        try (Service open = service.open(local)) {
            response = ask(open, request);
        }
        console.out().print(json ? json(response) : table(response));
        console.out().flush();
        if (!json) {
            response.getWarningsList().forEach(warning -> console.err().println("warning: " + warning));
        }
        return 0;
    }

    private ScoreImagesRequest.Builder request() {
        ScoreImagesRequest.Builder request = ScoreImagesRequest.newBuilder().setPrompt(prompt);
        verifiers.forEach(verifier -> request.addVerifiers(verifier(verifier)));
        if (instructions != null) {
            instruct(request, PictureSearchOptions.text(instructions));
        }
        for (Path image : images) {
            try {
                request.addImages(ByteString.copyFrom(Files.readAllBytes(image)));
            } catch (IOException e) {
                throw new CliException(image + ": cannot be read (expected: a PNG, JPEG or WebP file): " + e, e);
            }
        }
        return request;
    }

    private static void instruct(ScoreImagesRequest.Builder request, String words) {
        List<Verifier.Builder> graders = request.getVerifiersBuilderList().stream()
                .filter(verifier -> verifier.getName().equals(PictureSearchOptions.GRADER))
                .toList();
        if (graders.isEmpty()) {
            throw new CliException(
                    "--instructions: without --verifier " + PictureSearchOptions.GRADER + " (expected: with it)");
        }
        graders.forEach(grader -> grader.setInstructions(words));
    }

    private static Verifier verifier(String nameAndWeight) {
        int colon = nameAndWeight.lastIndexOf(':');
        if (colon < 0) {
            return Verifier.newBuilder().setName(nameAndWeight).build();
        }
        double weight = Double.NaN;
        try {
            weight = Double.parseDouble(nameAndWeight.substring(colon + 1));
        } catch (NumberFormatException e) {
            // falls through: the same message
        }
        if (!(weight > 0) || Double.isInfinite(weight)) {
            throw new CliException("--verifier: " + nameAndWeight + " (expected: a weight > 0 behind the colon)");
        }
        return Verifier.newBuilder()
                .setName(nameAndWeight.substring(0, colon))
                .setWeight(weight)
                .build();
    }

    private ScoreImagesResponse ask(Service open, ScoreImagesRequest.Builder request) {
        ClassLabel.apply(open, label, request.getVerifiersBuilderList());
        try {
            return open.stub().scoreImages(request.build());
        } catch (StatusRuntimeException e) {
            CliException failure = Failures.of(e, open.name());
            throw new CliException(named(String.valueOf(failure.getMessage())), e);
        }
    }

    /** Pictures by the names that the user gave. */
    private String named(String message) {
        return IMAGE.matcher(message).replaceAll(found -> {
            int index = Integer.parseInt(found.group(1));
            return Matcher.quoteReplacement(
                    index < images.size() ? images.get(index).toString() : found.group());
        });
    }

    private String table(ScoreImagesResponse response) {
        List<String> names = names(response);
        List<List<String>> rows = new ArrayList<>();
        List<String> head = new ArrayList<>(List.of("RANKED"));
        names.forEach(name -> head.add(name.toUpperCase(Locale.ROOT)));
        head.add("IMAGE");
        rows.add(head);
        for (int i : order(response)) {
            ImageScore score = response.getScores(i);
            List<String> row = new ArrayList<>(List.of(number(score.getEnsemble())));
            names.forEach(name -> row.add(number(score.getScoresOrDefault(name, Double.NaN))));
            row.add(images.get(i).toString());
            rows.add(row);
        }
        int[] widths = IntStream.range(0, head.size())
                .map(column -> rows.stream()
                        .mapToInt(row -> row.get(column).length())
                        .max()
                        .orElse(0))
                .toArray();
        StringBuilder table = new StringBuilder();
        for (List<String> row : rows) {
            for (int column = 0; column < widths.length - 1; column++) {
                table.append(" ".repeat(widths[column] - row.get(column).length()))
                        .append(row.get(column))
                        .append("  ");
            }
            table.append(row.get(widths.length - 1)).append(System.lineSeparator());
        }
        return table.toString();
    }

    /** The best first, those that nobody judged last. */
    private static List<Integer> order(ScoreImagesResponse response) {
        return IntStream.range(0, response.getScoresCount())
                .boxed()
                .sorted(Comparator.comparingDouble(i -> {
                    double share = response.getScores(i).getEnsemble();
                    return Double.isNaN(share) ? Double.POSITIVE_INFINITY : -share;
                }))
                .toList();
    }

    private static List<String> names(ScoreImagesResponse response) {
        TreeSet<String> names = new TreeSet<>();
        response.getScoresList()
                .forEach(score -> names.addAll(score.getScoresMap().keySet()));
        return List.copyOf(names);
    }

    private static String number(double value) {
        return Double.isNaN(value) ? "-" : String.format(Locale.ROOT, "%.4f", value);
    }

    private String json(ScoreImagesResponse response) {
        JsonArray scored = new JsonArray();
        for (int i = 0; i < response.getScoresCount(); i++) {
            ImageScore score = response.getScores(i);
            JsonObject scores = new JsonObject();
            names(response).forEach(name -> scores.add(name, element(score.getScoresOrDefault(name, Double.NaN))));
            JsonObject image = new JsonObject();
            image.addProperty("file", images.get(i).toString());
            image.add("ensemble", element(score.getEnsemble()));
            image.add("scores", scores);
            scored.add(image);
        }
        JsonArray warnings = new JsonArray();
        response.getWarningsList().forEach(warnings::add);
        JsonObject result = new JsonObject();
        result.addProperty("prompt", prompt);
        result.add("images", scored);
        result.add("warnings", warnings);
        return new GsonBuilder()
                        .setPrettyPrinting()
                        .disableHtmlEscaping()
                        .serializeNulls()
                        .create()
                        .toJson(result)
                + System.lineSeparator();
    }

    private static JsonElement element(double value) {
        return Double.isFinite(value) ? new JsonPrimitive(value) : JsonNull.INSTANCE;
    }
}
