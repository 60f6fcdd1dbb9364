package dev.prenoise.server.queue;

import com.google.gson.Gson;
import com.google.gson.JsonParseException;
import io.nats.client.JetStreamApiException;
import io.nats.client.JetStreamSubscription;
import io.nats.client.Message;
import io.nats.client.PushSubscribeOptions;
import io.nats.client.api.RetentionPolicy;
import io.nats.client.api.StorageType;
import io.nats.client.api.StreamConfiguration;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What each process of a queue computes now, one message of each on the server's disk. It takes its own back when it is done with a unit in any
 * way that it has a word for; where it dies, the message stays and tells what of.
 *
 * <p>The server's own count of deliveries says less: it counts units that were refused or given back, and those of workers that are well but
 * were not heard for a while, as they are when the server starts again. So a message counts only where its process does not answer either.
 *
 * <p>Leaving and taking back wait for no answer. A message that is lost on the way makes a death be overlooked, never one be made up.
 */
final class Traces {
    private static final Logger LOG = LoggerFactory.getLogger(Traces.class);
    private static final Gson JSON = new Gson();
    private static final byte[] NOTHING = {};

    /** How long the next of those that are there may take. */
    private static final Duration READING = Duration.ofSeconds(5);

    private final QueueLink link;
    private final String stream;
    private final String prefix;

    /**
     * @param unit its id
     * @param offered when the server got it: one that is offered anew is another
     * @param worker as others read it
     * @param begun when
     */
    private record Trace(String unit, String offered, String worker, String begun) {
        static @Nullable Trace of(Message message) {
            try {
                Trace trace = JSON.fromJson(new String(message.getData(), StandardCharsets.UTF_8), Trace.class);
                return trace == null || trace.unit == null || trace.offered == null ? null : trace;
            } catch (JsonParseException e) {
                // of another version
                return null;
            }
        }
    }

    /**
     * @param stream whose messages they are
     * @param prefix of their subjects
     */
    Traces(QueueLink link, String stream, String prefix) {
        this.link = link;
        this.stream = stream;
        this.prefix = prefix;
    }

    StreamConfiguration configuration(Duration kept) {
        return StreamConfiguration.builder()
                .name(stream)
                .subjects(prefix + "*")
                .retentionPolicy(RetentionPolicy.Limits)
                .storageType(StorageType.File)
                .maxMessagesPerSubject(1)
                .maxAge(kept)
                .build();
    }

    /** This process computes it from now on. */
    void leave(String unit, String offered, String worker) {
        String begun = Instant.now().truncatedTo(ChronoUnit.SECONDS).toString();
        publish(JSON.toJson(new Trace(unit, offered, worker, begun)).getBytes(StandardCharsets.UTF_8));
    }

    /** It computes nothing, or has said what came of it. */
    void takeBack() {
        publish(NOTHING);
    }

    private void publish(byte[] bytes) {
        try {
            link.connection().publish(prefix + link.presence(), bytes);
        } catch (IllegalStateException e) {
            LOG.debug("a trace was lost", e);
        }
    }

    /** The workers that began it and are neither done with it nor there any more, each with when it began. */
    List<String> lost(String unit, String offered) throws InterruptedException {
        List<String> lost = new ArrayList<>();
        for (Message message : link.answer(this::all)) {
            Trace trace = Trace.of(message);
            String presence = message.getSubject().substring(prefix.length());
            if (trace != null
                    && trace.unit.equals(unit)
                    && trace.offered.equals(offered)
                    && !presence.equals(link.presence())
                    && !link.isThere(presence)) {
                lost.add(trace.worker + ", which began at " + trace.begun);
            }
        }
        return lost;
    }

    private List<Message> all() throws IOException, JetStreamApiException {
        List<Message> all = new ArrayList<>();
        try {
            if (link.management().getStreamInfo(stream).getStreamState().getMsgCount() == 0) {
                return all;
            }
            JetStreamSubscription messages = link.stream()
                    .subscribe(
                            prefix + "*",
                            PushSubscribeOptions.builder().stream(stream)
                                    .ordered(true)
                                    .build());
            try {
                long left;
                do {
                    Message message = messages.nextMessage(READING);
                    if (message == null) {
                        throw new IOException("what its workers do was not told within " + READING.toSeconds() + " s");
                    }
                    all.add(message);
                    left = message.metaData().pendingCount();
                } while (left > 0);
                return all;
            } finally {
                messages.unsubscribe();
            }
        } catch (JetStreamApiException e) {
            if (QueueLink.isMissing(e)) {
                // of a coordinator of an earlier version
                return all;
            }
            throw e;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new QueueException("queue: interrupted", e);
        }
    }
}
