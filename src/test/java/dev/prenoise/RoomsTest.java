package dev.prenoise;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.library.Architectures;

/** The rooms of the house: each knows only those before it. */
@AnalyzeClasses(packages = "dev.prenoise", importOptions = ImportOption.DoNotIncludeTests.class)
class RoomsTest {
    @ArchTest
    static final ArchRule rooms_importOnlyRoomsBeforeThem = Architectures.layeredArchitecture()
            .consideringOnlyDependenciesInLayers()
            .layer("tensor")
            .definedBy("dev.prenoise.tensor..")
            .layer("image")
            .definedBy("dev.prenoise.image..")
            .layer("noise")
            .definedBy("dev.prenoise.noise..")
            .layer("text")
            .definedBy("dev.prenoise.text..")
            .layer("backbone")
            .definedBy("dev.prenoise.backbone..")
            .layer("diffusion")
            .definedBy("dev.prenoise.diffusion..")
            .layer("attention")
            .definedBy("dev.prenoise.attention..")
            .layer("verifier")
            .definedBy("dev.prenoise.verifier..")
            .layer("search")
            .definedBy("dev.prenoise.search..")
            .layer("shapes")
            .definedBy("dev.prenoise.shapes..")
            .layer("training")
            .definedBy("dev.prenoise.training..")
            .layer("engine")
            .definedBy("dev.prenoise.engine..")
            .layer("study")
            .definedBy("dev.prenoise.study..")
            .whereLayer("tensor")
            .mayNotAccessAnyLayer()
            .whereLayer("image")
            .mayNotAccessAnyLayer()
            .whereLayer("noise")
            .mayNotAccessAnyLayer()
            .whereLayer("text")
            .mayOnlyAccessLayers("tensor")
            .whereLayer("backbone")
            .mayOnlyAccessLayers("tensor", "text")
            .whereLayer("diffusion")
            .mayOnlyAccessLayers("tensor")
            .whereLayer("attention")
            .mayNotAccessAnyLayer()
            .whereLayer("verifier")
            .mayOnlyAccessLayers("tensor", "image", "text")
            .whereLayer("search")
            .mayOnlyAccessLayers("noise", "verifier")
            .whereLayer("shapes")
            .mayOnlyAccessLayers("tensor", "image", "text", "verifier")
            .whereLayer("training")
            .mayOnlyAccessLayers("tensor", "image", "noise", "text", "backbone", "diffusion", "verifier", "shapes")
            .whereLayer("study")
            .mayNotBeAccessedByAnyLayer();

    @ArchTest
    static final ArchRule networks_knowNothingOfText = noClasses()
            .that()
            .resideInAPackage("dev.prenoise.backbone..")
            .and()
            .resideOutsideOfPackage("dev.prenoise.backbone.checkpoint..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("dev.prenoise.text..");

    @ArchTest
    static final ArchRule rooms_haveNoCycles =
            slices().matching("dev.prenoise.(*)..").should().beFreeOfCycles();

    @ArchTest
    static final ArchRule libtorch_hasOneDoor = noClasses()
            .that()
            .resideOutsideOfPackage("dev.prenoise.tensor..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("ai.djl.pytorch..", "ai.djl.ndarray..", "ai.djl.engine..");

    @ArchTest
    static final ArchRule tokenizers_areTheTextRooms = noClasses()
            .that()
            .resideOutsideOfPackages("dev.prenoise.tensor..", "dev.prenoise.text..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("ai.djl..", "opennlp..");

    @ArchTest
    static final ArchRule engine_speaksNoGrpc =
            noClasses().should().dependOnClassesThat().resideInAnyPackage("io.grpc..", "com.google.protobuf..");
}
