package dev.prenoise.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.prenoise.image.Picture;
import dev.prenoise.verifier.Judge;
import dev.prenoise.verifier.Question;
import dev.prenoise.verifier.Shot;
import dev.prenoise.verifier.Verifier;
import dev.prenoise.verifier.VerifierOffer;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The verifiers of a folder, by way of a catalog. */
class VerifierFoldersTest {
    private static final Shot GREY = new Shot(new Picture(20, 20, new byte[1200]), new Picture(20, 20, new byte[1200]));

    @TempDir
    Path cache;

    @Test
    void list_ofNoFolder_hasEveryNameOnceAndSaysWhatIsMissing() throws Exception {
        try (ModelCatalog catalog = Catalogs.create(CatalogOptions.of(cache))) {
            List<VerifierOffer> offers = catalog.verifiers().list();
            List<String> names = offers.stream().map(VerifierOffer::name).toList();
            assertThat(names)
                    .doesNotHaveDuplicates()
                    .contains("clip-l14", "image-reward", "dino-class", "dino-ssl", "siglip-ssl", "oracle");
            for (VerifierOffer offer : offers) {
                if (offer.name().endsWith("-ssl") || offer.name().equals("image-reward")) {
                    assertThat(offer.problem()).as(offer.name()).contains("--verifiers DIR");
                }
            }
            assertThatThrownBy(() -> catalog.verifiers().resolve("verifiers[0].name", "image-reward", "sd1"))
                    .isInstanceOf(InvalidFieldException.class)
                    .hasMessageContaining("ImageReward.safetensors");
        }
    }

    @Test
    void open_verifiersOfAFolder_scoreAndGiveTheirMemoryBack() throws Exception {
        CatalogOptions options = CatalogOptions.of(cache)
                .withVerifiers(List.of(resource("/verifier/vision"), resource("/verifier/scripts")));
        try (ModelCatalog catalog = Catalogs.create(options)) {
            for (String name : List.of("image-reward", "dino-class", "dino-ssl", "siglip-ssl", "colourfulness")) {
                Verifier verifier =
                        catalog.verifiers().open(catalog.verifiers().resolve("verifiers[0].name", name, "sd1"));
                try (Judge judge = verifier.judge(Question.of("a tiger cat"))) {
                    assertThat(judge.score(List.of(GREY))[0]).as(name).isFinite();
                }
                assertThat(verifier.loadedBytes()).as(name).isPositive();
                assertThat(catalog.verifiers().open(name)).isSameAs(verifier);
                assertThat(verifier.unload()).as(name).isPositive();
            }
        }
    }

    private static Path resource(String name) throws URISyntaxException {
        return Path.of(Objects.requireNonNull(VerifierFoldersTest.class.getResource(name))
                .toURI());
    }
}
