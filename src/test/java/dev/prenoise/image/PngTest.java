package dev.prenoise.image;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;

class PngTest {
    @Test
    void encode_ofTwoPixels_isReadBackAsTheyWere() throws IOException {
        byte[] png = Png.encode(new Picture(2, 1, new byte[] {1, 2, 3, (byte) 250, (byte) 128, 0}));

        BufferedImage read = ImageIO.read(new ByteArrayInputStream(png));

        assertThat(read.getWidth()).isEqualTo(2);
        assertThat(read.getHeight()).isEqualTo(1);
        assertThat(read.getRGB(0, 0) & 0xffffff).isEqualTo(0x010203);
        assertThat(read.getRGB(1, 0) & 0xffffff).isEqualTo(0xfa8000);
    }
}
