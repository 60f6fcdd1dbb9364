package dev.prenoise.study;

import dev.prenoise.engine.InvalidFieldException;
import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.engine.ModelException;
import dev.prenoise.engine.UnknownBackboneException;
import dev.prenoise.tensor.DeviceMemory;
import dev.prenoise.verifier.VerifierException;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes units and computes them, one at a time, beside other workers. A unit whose numbers would be others here, see {@link Basis}, goes back
 * for those where they are not.
 *
 * <p>{@link #run} is one thread's; {@link #stop} may come from any other. While a unit is computed a second thread says so.
 */
public final class StudyWorker {
    private static final Logger LOG = LoggerFactory.getLogger(StudyWorker.class);

    /** How often it says that a unit is still being computed; after a multiple of it a queue may forget a worker. */
    public static final Duration HEARTBEAT = Duration.ofSeconds(1);

    /** How long one call waits for a unit. */
    private static final Duration PATIENCE = Duration.ofSeconds(5);

    /** One that was refused is not offered again for so long. */
    private static final Duration OTHERS_FIRST = Duration.ofSeconds(5);

    /** So often a unit may fail here for what may be this machine's reasons; the last time is the study's. */
    static final int TRIES = 3;

    /** One that failed here is not offered again for so long, after a second time for twice as long. */
    private static final Duration SETBACK = Duration.ofSeconds(30);

    /**
     * In which so many workers died is not computed again. One may die for a reason of its own, such as a machine that is switched off, and
     * two by chance in the same unit; what each of three met is the unit's.
     */
    static final int MOST_DEATHS = 3;

    /** Who refused so many in a row rests for longest. */
    private static final int LONGEST_REST = 7;

    private final UnitSource source;
    private final ModelCatalog catalog;
    private final String version;
    private final UnitWork work;
    private final String name;
    private final Consumer<String> told;
    private final Duration setback;
    private final Set<String> reasons = new HashSet<>();
    private final Map<String, Integer> failed = new HashMap<>();
    private UnitQueue.@Nullable Delivery<Unit> current;
    private boolean stopped;
    private int refused;

    /**
     * @param version of the program
     * @param name that others read
     * @param told why units are not computed here, each reason once
     */
    public StudyWorker(UnitSource source, ModelCatalog catalog, String version, String name, Consumer<String> told) {
        this(source, catalog, version, name, told, SETBACK);
    }

    /**
     * @param setback how long one that failed here is not offered again
     */
    StudyWorker(
            UnitSource source,
            ModelCatalog catalog,
            String version,
            String name,
            Consumer<String> told,
            Duration setback) {
        this.source = source;
        this.catalog = catalog;
        this.version = version;
        this.work = new UnitWork(catalog, version);
        this.name = name;
        this.told = told;
        this.setback = setback;
    }

    /**
     * Until it is stopped.
     *
     * @param idle or until it had no unit to compute for so long; null = however long it takes
     * @return how many units were computed
     */
    public int run(@Nullable Duration idle) throws InterruptedException {
        ScheduledExecutorService heart = Executors.newSingleThreadScheduledExecutor(runnable -> {
            Thread thread = new Thread(runnable, "prenoise-heartbeat");
            thread.setDaemon(true);
            return thread;
        });
        heart.scheduleAtFixedRate(this::beat, HEARTBEAT.toMillis(), HEARTBEAT.toMillis(), TimeUnit.MILLISECONDS);
        try {
            return takeAll(idle);
        } finally {
            heart.shutdownNow();
        }
    }

    private int takeAll(@Nullable Duration idle) throws InterruptedException {
        int done = 0;
        long busy = System.nanoTime();
        boolean looked = false;
        while (!isStopped()) {
            Duration left = idle == null ? PATIENCE : idle.minusNanos(System.nanoTime() - busy);
            if (left.isNegative()) {
                if (looked) {
                    return done;
                }
                // however short the time, one look
                left = Duration.ZERO;
            }
            looked = true;
            try (UnitQueue.Delivery<Unit> delivery = source.take(left.compareTo(PATIENCE) < 0 ? left : PATIENCE)) {
                if (delivery == null || !begin(delivery)) {
                    continue;
                }
                if (compute(delivery)) {
                    done++;
                    busy = System.nanoTime();
                }
            } finally {
                end();
            }
            rest();
        }
        return done;
    }

    /** Whether there was something to compute. */
    private boolean compute(UnitQueue.Delivery<Unit> delivery) throws InterruptedException {
        Unit unit = delivery.content();
        String refusal = refusal(unit);
        source.say(new WorkerWord(name, unit.id(), refusal));
        if (refusal != null) {
            refused++;
            if (reasons.add(refusal)) {
                told.accept(StudyRun.named(unit) + " is left to others: " + refusal);
            }
            delivery.giveBack(OTHERS_FIRST);
            return false;
        }
        List<String> dead = delivery.begin(name);
        if (!dead.isEmpty()) {
            told.accept(StudyRun.named(unit) + ": " + died(dead));
        }
        UnitResult result;
        try {
            result = dead.size() < MOST_DEATHS
                    ? work.run(unit)
                    : UnitResult.failed(
                            unit.id(),
                            version,
                            died(dead)
                                    + " (expected: memory and drivers that it can be computed with; the machines' logs may say what ended them)");
        } catch (RuntimeException | Error e) {
            LOG.debug("{} failed", StudyRun.named(unit), e);
            if (isStopped()) {
                // it may have failed because it was stopped
                return false;
            }
            String why = e.getMessage() == null ? e.toString() : e.getMessage();
            if (mayBeTheMachine(e) && leaveToOthers(delivery, why)) {
                return false;
            }
            result = UnitResult.failed(unit.id(), version, why);
        }
        refused = 0;
        failed.remove(unit.id());
        source.report(result);
        delivery.acknowledge();
        return true;
    }

    private static String died(List<String> dead) {
        return dead.size() + " of at most " + MOST_DEATHS + " workers ended without a word while they computed it: "
                + String.join("; ", dead);
    }

    /** Whether it may go well elsewhere or later: memory, a verifier that is not reached, a file; not what the unit itself asks for. */
    private static boolean mayBeTheMachine(Throwable failure) {
        boolean asked = failure instanceof IllegalArgumentException || failure instanceof UnknownBackboneException;
        return !asked || DeviceMemory.isExhaustion(failure);
    }

    /** Whether the unit was given back, which ends where it has failed here too often. */
    private boolean leaveToOthers(UnitQueue.Delivery<Unit> delivery, String why) {
        Unit unit = delivery.content();
        int times = failed.merge(unit.id(), 1, Integer::sum);
        if (times >= TRIES) {
            return false;
        }
        refused++;
        String word = "failed here, " + times + " of at most " + TRIES + " times: " + why;
        told.accept(StudyRun.named(unit) + " is left to others: " + word);
        source.say(new WorkerWord(name, unit.id(), word));
        delivery.giveBack(setback.multipliedBy(times));
        return true;
    }

    /** Why this worker's numbers would be others; null = they would not. */
    private @Nullable String refusal(Unit unit) throws InterruptedException {
        List<String> asked = unit.basis();
        // first: what else another version says of a unit may have another form
        String program = asked.isEmpty() ? "not said" : asked.get(0);
        String device = Basis.device(catalog);
        String mine = Basis.program(version, device);
        if (!Basis.sameProgram(program, mine)) {
            return "version and device are " + mine + " (expected: " + program + ")";
        }
        if (asked.size() != 2 + unit.metrics().size()) {
            return "its basis has " + asked.size() + " entries (expected: "
                    + (2 + unit.metrics().size()) + ")";
        }
        try {
            String backbone = Basis.backbone(catalog, unit.backbone().id(), device);
            if (!asked.get(1).equals(backbone)) {
                return "backbone and precision are " + backbone + " (expected: " + asked.get(1) + ")";
            }
            for (int i = 0; i < unit.metrics().size(); i++) {
                String verifier = new Metric(unit.metrics().get(i)).verifier();
                String judge = verifier.isEmpty() ? "" : Basis.verifier(catalog, verifier);
                if (!asked.get(2 + i).equals(judge)) {
                    return "verifier " + verifier + " is " + judge + " (expected: " + asked.get(2 + i) + ")";
                }
            }
        } catch (UnknownBackboneException | InvalidFieldException | ModelException | VerifierException e) {
            return e.getMessage();
        }
        return null;
    }

    /** Who could compute nothing lets others come first, the longer the more often it was so. */
    private synchronized void rest() throws InterruptedException {
        if (refused > 0 && !stopped) {
            TimeUnit.MILLISECONDS.timedWait(this, 100L << Math.min(refused, LONGEST_REST));
        }
    }

    private synchronized boolean begin(UnitQueue.Delivery<Unit> delivery) {
        current = delivery;
        return !stopped;
    }

    private synchronized void end() {
        current = null;
    }

    private synchronized boolean isStopped() {
        return stopped;
    }

    private void beat() {
        UnitQueue.Delivery<Unit> delivery;
        synchronized (this) {
            delivery = current;
        }
        if (delivery != null) {
            try {
                delivery.working();
                source.say(new WorkerWord(name, delivery.content().id(), null));
            } catch (RuntimeException e) {
                // a queue that is away for a while must not end the heartbeat
                LOG.debug("a heartbeat was lost", e);
            }
        }
    }

    /** Takes no more, and gives back at once what it has. */
    public synchronized void stop() {
        stopped = true;
        notifyAll();
        if (current != null) {
            current.close();
        }
    }
}
