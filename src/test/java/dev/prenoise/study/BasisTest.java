package dev.prenoise.study;

import static org.assertj.core.api.Assertions.assertThat;

import dev.prenoise.engine.CatalogOptions;
import dev.prenoise.engine.Catalogs;
import dev.prenoise.engine.ModelCatalog;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BasisTest {
    private static final String STUDY = """
            title: Small
            suites: [{suite: two_objects, prompts: 2}]
            backbones: [{id: shapes, steps: 1}]
            strategies: [conform]
            budgets: [1]
            seeds: 1
            metrics: [oracle]
            """;

    @TempDir
    Path folder;

    /** A machine without a GPU offers units as machines with one do, whose precision is another. */
    @Test
    void on_anotherMachinesDevice_isAsThere() throws Exception {
        try (ModelCatalog catalog = Catalogs.create(CatalogOptions.of(folder.resolve("cache")))) {
            StudyPlan read = StudyFile.read(
                    Files.writeString(folder.resolve("study.yaml"), STUDY).toString());
            List<String> here = read.on(catalog, "1").units().get(0).basis();
            List<String> there = read.on(catalog, "1", "cuda:0").units().get(0).basis();

            assertThat(here.get(0)).isEqualTo("1 cpu");
            assertThat(here.get(1)).endsWith(" FLOAT32");
            assertThat(there.get(0)).isEqualTo("1 cuda:0");
            assertThat(there.get(1)).isEqualTo(here.get(1).replace("FLOAT32", "FLOAT16"));
            assertThat(there.subList(2, there.size())).isEqualTo(here.subList(2, here.size()));
            assertThat(read.on(catalog, "1", "cpu").digest())
                    .isEqualTo(read.on(catalog, "1").digest());
            assertThat(Basis.device(catalog)).isEqualTo("cpu");
        }
    }

    @Test
    void sameProgram_ofAnotherCardOfAMachine_isTheSame() {
        assertThat(Basis.sameProgram("1 cuda:0", "1 cuda:1")).isTrue();
        assertThat(Basis.sameProgram("1 cuda:0", "1 cuda:12")).isTrue();
        assertThat(Basis.sameProgram("1 cpu", "1 cpu")).isTrue();
        assertThat(Basis.sameProgram("1 cuda:0", "2 cuda:0")).isFalse();
        assertThat(Basis.sameProgram("1 cuda:0", "1 cpu")).isFalse();
        assertThat(Basis.sameProgram("1 mps", "1 cpu")).isFalse();
    }
}
