package dev.prenoise.server.jobs;

/** There is a search of that id already, and it was asked for differently. */
public final class SearchExistsException extends RuntimeException {
    private static final long serialVersionUID = 1;

    SearchExistsException(String id) {
        super("search_id: \"" + id
                + "\" is a search with another request (expected: the same request, all but output, or a new id)");
    }
}
