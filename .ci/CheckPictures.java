import java.awt.image.BufferedImage;
import java.io.File;
import java.util.HashSet;
import java.util.Set;
import javax.imageio.ImageIO;

/** Fails unless every file named is a picture that shows something: it decodes, and has many colours. */
final class CheckPictures {
    public static void main(String[] files) throws Exception {
        for (String file : files) {
            BufferedImage picture = ImageIO.read(new File(file));
            if (picture == null) {
                throw new IllegalStateException(file + ": not a picture");
            }
            Set<Integer> colours = new HashSet<>();
            for (int y = 0; y < picture.getHeight(); y++) {
                for (int x = 0; x < picture.getWidth(); x++) {
                    colours.add(picture.getRGB(x, y));
                }
            }
            if (picture.getWidth() < 64 || picture.getHeight() < 64 || colours.size() < 50) {
                throw new IllegalStateException(file + ": " + picture.getWidth() + " x " + picture.getHeight() + " with "
                        + colours.size() + " colours (expected: a picture)");
            }
            System.out.println(file + ": " + picture.getWidth() + " x " + picture.getHeight() + ", " + colours.size() + " colours");
        }
    }
}
