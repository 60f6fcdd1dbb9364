package dev.prenoise.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.prenoise.image.Picture;
import dev.prenoise.verifier.Judge;
import dev.prenoise.verifier.Question;
import dev.prenoise.verifier.Shot;
import dev.prenoise.verifier.Verifier;
import dev.prenoise.verifier.VerifierException;
import dev.prenoise.verifier.VerifierOffer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class VerifierLibraryTest {
    private static final List<Shot> SHOTS = List.of(new Shot(new Picture(1, 1, new byte[] {9, 0, 0}), null));

    @TempDir
    static Path cache;

    @TempDir
    Path folder;

    private final List<FileVerifier> built = new ArrayList<>();
    private Path file;

    @BeforeEach
    void write() throws IOException {
        file = folder.resolve("weights");
        Files.writeString(file, "one");
    }

    @Test
    void open_twice_isTheSame() {
        try (ModelCatalog catalog = catalog(0)) {
            assertThat(catalog.verifiers().open("file"))
                    .isSameAs(catalog.verifiers().open("file"));
            assertThat(built).hasSize(1);
        }
        assertThat(built.get(0).closed).isTrue();
    }

    @Test
    void open_afterItsFilesChanged_isBuiltAnewAndTheOldOneStays() throws IOException {
        try (ModelCatalog catalog = catalog(0)) {
            Judge old = catalog.verifiers().open("file").judge(Question.of("a"));
            WeightsPin before =
                    catalog.verifiers().pins(List.of("file", "file")).get(0);
            assertThat(catalog.verifiers().pins(List.of("file")).get(0).sameWeights(before))
                    .isTrue();
            Files.writeString(file, "another");
            assertThat(catalog.verifiers().pins(List.of("file")).get(0).sameWeights(before))
                    .isFalse();
            catalog.verifiers().open("file");
            assertThat(built).hasSize(2);
            assertThat(built.get(0).closed).isFalse();
            assertThat(old.score(SHOTS)).containsExactly(9);
        }
        assertThat(built).allMatch(verifier -> verifier.closed);
    }

    @Test
    void hash_ofAVerifiersFiles_tellsContentFromATouch() throws Exception {
        try (ModelCatalog catalog = catalog(0)) {
            catalog.verifiers().hash("file");
            WeightsPin before = catalog.verifiers().pins(List.of("file")).get(0);
            assertThat(before.sha256()).isNotNull();

            Files.setLastModifiedTime(file, FileTime.fromMillis(1_000_000));
            catalog.verifiers().hash("file");
            assertThat(catalog.verifiers().pins(List.of("file")).get(0).sha256())
                    .isEqualTo(before.sha256());

            Files.writeString(file, "two");
            catalog.verifiers().hash("file");
            assertThat(catalog.verifiers().pins(List.of("file")).get(0).sha256())
                    .isNotNull()
                    .isNotEqualTo(before.sha256());
        }
    }

    @Test
    void pins_ofAVerifierAtAnotherService_areOtherSettings() {
        WeightsPin first = servicePin("http://a one");
        assertThat(servicePin("http://a one")).isEqualTo(first);
        WeightsPin second = servicePin("http://a two");
        assertThat(second.sameWeights(first)).isTrue();
        assertThat(second.sameSettings(first)).isFalse();
    }

    private WeightsPin servicePin(String settings) {
        VerifierOffer offer = new VerifierOffer("far", "asks", null, false, false, (compute, type) -> new Verifier() {
            @Override
            public String name() {
                return "far";
            }

            @Override
            public String settings() {
                return settings;
            }

            @Override
            public Judge judge(Question question) {
                return shots -> new double[shots.size()];
            }

            @Override
            public void close() {}
        });
        try (ModelCatalog catalog = Catalogs.create(CatalogOptions.of(cache).withOffers(List.of(offer)))) {
            return catalog.verifiers().pins(List.of("far")).get(0);
        }
    }

    @Test
    void pins_ofAFileThatIsGone_namesIt() throws IOException {
        try (ModelCatalog catalog = catalog(0)) {
            catalog.verifiers().open("file");
            Files.delete(file);
            assertThatThrownBy(() -> catalog.verifiers().pins(List.of("file")))
                    .isInstanceOf(VerifierException.class)
                    .hasMessageContaining(file.toString());
        }
    }

    @Test
    void pins_ofAVerifierWithoutFiles_areNone() {
        try (ModelCatalog catalog = catalog(0)) {
            assertThat(catalog.verifiers().pins(List.of("oracle"))).isEmpty();
        }
    }

    @Test
    void releaseMemory_takesVerifiersOffTheDevice_butNotOneThatComputes() {
        try (ModelCatalog catalog = catalog(0)) {
            Judge judge = catalog.verifiers().open("file").judge(Question.of("a"));
            List<Long> inside = new ArrayList<>();
            built.get(0).duringScore = () -> inside.add(catalog.releaseMemory());
            judge.score(SHOTS);
            assertThat(inside).containsExactly(0L);
            assertThat(catalog.releaseMemory()).isEqualTo(FileVerifier.BYTES);
            assertThat(catalog.releaseMemory()).isZero();
            built.get(0).duringScore = () -> {};
            assertThat(judge.score(SHOTS)).containsExactly(9);
        }
    }

    @Test
    void releaseMemory_whileOneComputesWithWeightsThatTwoShare_leavesThem_andCountsThemOnce() {
        Object body = new Object();
        AtomicLong loaded = new AtomicLong();
        List<Long> inside = new ArrayList<>();
        List<ModelCatalog> catalogs = new ArrayList<>();
        List<VerifierOffer> offers = Stream.of("one", "two")
                .map(name -> sharing(
                        name, body, loaded, () -> inside.add(catalogs.get(0).releaseMemory())))
                .toList();
        try (ModelCatalog catalog = Catalogs.create(CatalogOptions.of(cache).withOffers(offers))) {
            catalogs.add(catalog);
            catalog.verifiers().open("one");
            try (Judge judge = catalog.verifiers().open("two").judge(Question.of(""))) {
                judge.score(SHOTS);
            }
            assertThat(inside).containsExactly(0L);
            assertThat(catalog.releaseMemory()).isEqualTo(FileVerifier.BYTES);
            assertThat(catalog.releaseMemory()).isZero();
        }
    }

    private static VerifierOffer sharing(String name, Object body, AtomicLong loaded, Runnable duringScore) {
        return new VerifierOffer(name, "shares", null, false, false, (compute, type) -> new Verifier() {
            @Override
            public String name() {
                return name;
            }

            @Override
            public Object body() {
                return body;
            }

            @Override
            public Judge judge(Question question) {
                return shots -> {
                    loaded.set(FileVerifier.BYTES);
                    duringScore.run();
                    return new double[shots.size()];
                };
            }

            @Override
            public long loadedBytes() {
                return loaded.get();
            }

            @Override
            public long unload() {
                return loaded.getAndSet(0);
            }

            @Override
            public void close() {}
        });
    }

    @Test
    void judge_withoutRoomForTheWeights_saysWhatIsNeeded() {
        try (ModelCatalog catalog = catalog(FileVerifier.BYTES)) {
            Verifier verifier = catalog.verifiers().open("file");
            assertThatThrownBy(() -> verifier.judge(Question.of("a")))
                    .isInstanceOf(OutOfDeviceMemoryException.class)
                    .hasMessageContaining("the verifier file needs about 0.01 GB");
        }
        try (ModelCatalog catalog = catalog(2 * FileVerifier.BYTES)) {
            Judge judge = catalog.verifiers().open("file").judge(Question.of("a"));
            assertThat(judge.score(SHOTS)).containsExactly(9);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"image-reward", "clip", "oracle"})
    void open_handedInUnderAKnownName_isTheOneHandedIn(String name) {
        try (ModelCatalog catalog = catalog(name)) {
            VerifierCatalog verifiers = catalog.verifiers();
            assertThat(verifiers.resolve("verifiers[0].name", name, "sd1")).isEqualTo(name);
            assertThat(verifiers.resolve("verifiers[0].name", name, "shapes")).isEqualTo(name);
            assertThat(verifiers.list())
                    .filteredOn(offer -> offer.name().equals(name))
                    .extracting(VerifierOffer::title)
                    .containsExactly("reads a file");
            try (Judge judge = verifiers.open(name).judge(Question.of("anything at all"))) {
                assertThat(judge.score(SHOTS)).containsExactly(9);
            }
        }
    }

    @Test
    void resolve_aliasOfOneHandedIn_isThat() {
        try (ModelCatalog catalog = catalog("clip-b16")) {
            assertThat(catalog.verifiers().resolve("verifiers[0].name", "clip", "sd1"))
                    .isEqualTo("clip-b16");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"oracle", "clip", "shapes-clip", "file"})
    void list_cardWithATakenName_isRefused(String name) throws IOException {
        Path scripts = Path.of("test/resources/verifier/scripts");
        Files.copy(scripts.resolve("colourfulness.pt"), folder.resolve(name + ".pt"));
        String card = Files.readString(scripts.resolve("colourfulness.verifier.json"));
        Files.writeString(folder.resolve(name + ".verifier.json"), card.replace("\"colourfulness\"", '"' + name + '"'));
        try (ModelCatalog catalog = Catalogs.create(
                CatalogOptions.of(cache).withVerifiers(List.of(folder)).withOffers(List.of(offer("file"))))) {
            List<VerifierOffer> offers = catalog.verifiers().list();
            assertThat(offers.get(offers.size() - 1).problem())
                    .isEqualTo("its card's name: \"" + name + "\" (expected: one that no other verifier has)");
        }
    }

    private ModelCatalog catalog(String name) {
        return Catalogs.create(CatalogOptions.of(cache).withOffers(List.of(offer(name))));
    }

    private VerifierOffer offer(String name) {
        return new VerifierOffer(name, "reads a file", null, true, false, (compute, type) -> {
            FileVerifier verifier = new FileVerifier(file);
            built.add(verifier);
            return verifier;
        });
    }

    private ModelCatalog catalog(long memoryLimit) {
        return Catalogs.create(CatalogOptions.of(cache)
                .withOffers(List.of(offer("file")))
                .withEngine(new EngineOptions("cpu", memoryLimit, Duration.ZERO, Precision.AUTO, List.of())));
    }

    /** Says how red the first pixel is. */
    private static final class FileVerifier implements Verifier {
        static final long BYTES = 10_000_000;

        private final Path file;
        private Runnable duringScore = () -> {};
        private long loaded;
        private boolean closed;

        FileVerifier(Path file) {
            this.file = file;
        }

        @Override
        public String name() {
            return "file";
        }

        @Override
        public Judge judge(Question question) {
            return shots -> {
                loaded = BYTES;
                duringScore.run();
                return shots.stream()
                        .mapToDouble(shot -> shot.picture().rgb()[0])
                        .toArray();
            };
        }

        @Override
        public List<Path> files() {
            return List.of(file);
        }

        @Override
        public long bytes() {
            return BYTES;
        }

        @Override
        public long loadedBytes() {
            return loaded;
        }

        @Override
        public long unload() {
            long freed = loaded;
            loaded = 0;
            return freed;
        }

        @Override
        public void close() {
            closed = true;
        }
    }
}
