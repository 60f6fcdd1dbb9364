package dev.prenoise.server;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** What each room of the sidecar knows. */
@AnalyzeClasses(packages = "dev.prenoise.server", importOptions = ImportOption.DoNotIncludeTests.class)
class ServerRoomsTest {
    @ArchTest
    static final ArchRule nobody_namesDjl =
            noClasses().should().dependOnClassesThat().resideInAPackage("ai.djl..");

    @ArchTest
    static final ArchRule store_knowsDomainRecordsAndSql = classes()
            .that()
            .resideInAPackage("..server.store..")
            .should()
            .onlyDependOnClassesThat(rooms("..server.store..")
                    .or(JavaClass.Predicates.resideInAnyPackage(
                            "dev.prenoise.noise..", "dev.prenoise.search..", "dev.prenoise.engine.."))
                    .or(JavaClass.Predicates.resideInAnyPackage("java..", "org.sqlite..", "org.jspecify..")));

    @ArchTest
    static final ArchRule jobs_knowsNeitherMessagesNorCalls = noClasses()
            .that()
            .resideInAPackage("..server.jobs..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                    "io.grpc..",
                    "io.netty..",
                    "com.google.protobuf..",
                    "dev.prenoise.v1..",
                    "java.sql..",
                    "..server.grpc..",
                    "..server.ops..",
                    "..server.cli..");

    @ArchTest
    static final ArchRule grpc_touchesNoDatabaseAndNoServer = noClasses()
            .that()
            .resideInAPackage("..server.grpc..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("java.sql..", "org.sqlite..", "io.grpc.netty..", "..server.ops..", "..server.cli..");

    @ArchTest
    static final ArchRule ops_knowsNoCommandLine = noClasses()
            .that()
            .resideInAPackage("..server.ops..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("..server.cli..", "picocli..");

    @ArchTest
    static final ArchRule onlyProtos_mapsMessagesToDomainRecords = noClasses()
            .that()
            .resideInAPackage("dev.prenoise.server.(store|jobs)..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("dev.prenoise.v1..");

    @ArchTest
    static final ArchRule nats_isTheQueueRooms = noClasses()
            .that()
            .resideOutsideOfPackage("..server.queue..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("io.nats..");

    @ArchTest
    static final ArchRule queue_knowsOfTheHouseTheStudyAlone = noClasses()
            .that()
            .resideInAPackage("..server.queue..")
            .should()
            .dependOnClassesThat(JavaClass.Predicates.resideInAPackage("dev.prenoise..")
                    .and(DescribedPredicate.not(rooms("..server.queue..")))
                    .and(DescribedPredicate.not(rooms("dev.prenoise.study.."))));

    private static DescribedPredicate<JavaClass> rooms(String room) {
        return JavaClass.Predicates.resideInAPackage(room);
    }
}
