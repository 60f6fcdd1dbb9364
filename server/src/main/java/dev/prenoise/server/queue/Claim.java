package dev.prenoise.server.queue;

import io.nats.client.Connection;
import io.nats.client.Dispatcher;
import io.nats.client.Message;
import io.nats.client.Subscription;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * That a queue has one coordinator: two would each keep about half of the results, and the one that ends first would take the queue from the
 * other. Who wants to be one asks all who are on the queue's subject; who is, answers. So nothing has to run out after one that was killed,
 * and two that begin at once settle it between them. One that the server does not reach while another begins is not heard.
 */
public final class Claim implements AutoCloseable {
    private static final Duration LISTENING = Duration.ofSeconds(1);
    private static final String HELD = "held";
    private static final String WANTED = "wanted";

    /** Comes after every id: who only looks is nobody's rival. */
    private static final String ONLOOKER = "~";

    private final Connection connection;
    private final String id = UUID.randomUUID().toString();
    private final String who;
    private final Dispatcher dispatcher;
    private boolean held;
    private boolean lost;

    /** What one answered: whether it is the coordinator or wants to be, its id, its name. */
    private record Answer(String state, String id, String who) {
        static @Nullable Answer of(Message message) {
            String[] words = text(message).split(" ", 3);
            return words.length == 3 ? new Answer(words[0], words[1], words[2]) : null;
        }
    }

    private Claim(QueueLink link, String name, String who) {
        this.connection = link.connection();
        this.who = who;
        this.dispatcher = connection.createDispatcher(this::answer).subscribe(subject(name));
    }

    /**
     * @param link the caller's to close, after this
     * @param name the queue's
     * @param who as others read it
     * @throws QueueException when the queue has a coordinator
     */
    public static Claim take(QueueLink link, String name, String who) throws InterruptedException {
        Claim claim = new Claim(link, name, who);
        try {
            for (Answer answer : ask(link, name, claim.id)) {
                boolean first = answer.state.equals(HELD) || answer.id.compareTo(claim.id) < 0;
                if (!answer.id.equals(claim.id) && first) {
                    throw taken(name, answer.who);
                }
            }
            if (!claim.hold()) {
                throw taken(name, "another that began just now");
            }
            return claim;
        } catch (QueueException | InterruptedException e) {
            claim.close();
            throw e;
        }
    }

    /** Who is the queue's coordinator now; null = nobody. */
    static @Nullable String holder(QueueLink link, String name) throws InterruptedException {
        return ask(link, name, ONLOOKER).stream().map(Answer::who).findFirst().orElse(null);
    }

    private static QueueException taken(String name, String who) {
        return new QueueException("queue: " + name + " is offered by " + who
                + " (expected: one coordinator of a study; further machines run prenoise study work)");
    }

    private static String subject(String name) {
        return "prenoise." + name + ".coordinator";
    }

    private static String text(Message message) {
        return new String(message.getData(), StandardCharsets.UTF_8);
    }

    private static List<Answer> ask(QueueLink link, String name, String id) throws InterruptedException {
        String inbox = link.connection().createInbox();
        Subscription answers = link.connection().subscribe(inbox);
        try {
            link.connection().publish(subject(name), inbox, id.getBytes(StandardCharsets.UTF_8));
            long until = System.nanoTime() + LISTENING.toNanos();
            List<Answer> heard = new ArrayList<>();
            for (long left = LISTENING.toNanos(); left > 0; left = until - System.nanoTime()) {
                Message message = answers.nextMessage(Duration.ofNanos(left));
                Answer answer = message == null || message.isStatusMessage() ? null : Answer.of(message);
                if (answer != null) {
                    heard.add(answer);
                }
            }
            return heard;
        } finally {
            answers.unsubscribe();
        }
    }

    private synchronized void answer(Message question) {
        String asker = text(question);
        if (question.getReplyTo() == null) {
            return;
        }
        if (!held && asker.compareTo(id) < 0) {
            lost = true;
        }
        connection.publish(
                question.getReplyTo(),
                String.join(" ", held ? HELD : WANTED, id, who).getBytes(StandardCharsets.UTF_8));
    }

    private synchronized boolean hold() {
        held = !lost;
        return held;
    }

    @Override
    public void close() {
        if (connection.getStatus() != Connection.Status.CLOSED) {
            connection.closeDispatcher(dispatcher);
        }
    }
}
