package dev.prenoise.server.jobs;

/** There is a search of that id already, and it was asked for differently, or runs for another caller alone. */
public final class SearchExistsException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private SearchExistsException(String id, String problem) {
        super("search_id: \"" + id + "\" " + problem);
    }

    SearchExistsException(String id) {
        this(id, "is a search with another request (expected: the same request, all but output, or a new id)");
    }

    static SearchExistsException onHost(String id) {
        return new SearchExistsException(
                id,
                "runs on the model of a host that listens to it (expected: a new id, or the same once that call has ended, to go on from"
                        + " there; GetSearch reads it meanwhile)");
    }
}
