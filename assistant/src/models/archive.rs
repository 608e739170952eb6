//! Archives, unpacked so that nothing leaves the folder and nothing fills the disk.

use std::{
    fs::{self, File},
    io::{self, BufReader, Read},
    path::{Component, Path, PathBuf},
};

/// Most bytes that one archive may hold: the largest published model is under 4 GB.
pub const MOST_UNPACKED_BYTES: u64 = 16 << 30;

/// Most files that one archive may hold.
pub const MOST_FILES: usize = 10_000;

/// A kind of archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Archive {
    /// tar, compressed by bzip2.
    TarBz2,
    /// tar, compressed by gzip.
    TarGz,
    /// tar as it is.
    Tar,
    /// ZIP.
    Zip,
}

impl Archive {
    /// What a file is by its name; `None` where it is no archive.
    pub fn of(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let is = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
        if is(&[".tar.bz2", ".tbz2", ".tbz"]) {
            Some(Self::TarBz2)
        } else if is(&[".tar.gz", ".tgz"]) {
            Some(Self::TarGz)
        } else if is(&[".tar"]) {
            Some(Self::Tar)
        } else {
            is(&[".zip"]).then_some(Self::Zip)
        }
    }
}

/// What came out of an archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unpacked {
    /// Files that were written.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// What was left out because it is neither a file nor a folder: links and devices.
    pub left_out: Vec<String>,
}

/// Why an archive was not unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// One of its paths leads out of the folder.
    #[error("the archive holds {path:?}, a path that leads out of its folder; nothing of it is used")]
    Escapes {
        /// The path.
        path: String,
    },
    /// It holds more than any model.
    #[error("the archive holds more than {limit}; nothing of it is used")]
    TooLarge {
        /// What it exceeds.
        limit: String,
    },
    /// It is damaged, or the disk is full.
    #[error("the archive cannot be unpacked: {0}")]
    Io(#[from] io::Error),
    /// It is no ZIP archive.
    #[error("the archive cannot be unpacked: {0}")]
    Zip(#[from] zip::result::ZipError),
}

/// What may still be written.
struct Writer<'a> {
    folder: &'a Path,
    most_bytes: u64,
    unpacked: Unpacked,
}

impl Writer<'_> {
    /// Where an archive's path lies in the folder; `None` for the folder itself.
    fn place(&self, path: &Path) -> Result<Option<PathBuf>, UnpackError> {
        let mut place = self.folder.to_owned();
        let mut deep = false;
        for component in path.components() {
            match component {
                Component::Normal(name) => {
                    place.push(name);
                    deep = true;
                }
                Component::CurDir => {}
                // Absolute paths and `..`, even where they would lead back inside: no honest archive has them.
                Component::RootDir | Component::ParentDir | Component::Prefix(_) => {
                    return Err(UnpackError::Escapes { path: path.display().to_string() });
                }
            }
        }
        Ok(deep.then_some(place))
    }

    fn folder(&self, path: &Path) -> Result<(), UnpackError> {
        if let Some(place) = self.place(path)? {
            fs::create_dir_all(place)?;
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, content: impl Read) -> Result<(), UnpackError> {
        let Some(place) = self.place(path)? else { return Ok(()) };
        if self.unpacked.files >= MOST_FILES {
            return Err(UnpackError::TooLarge { limit: format!("{MOST_FILES} files") });
        }
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent)?;
        }
        // Only this function makes files below the folder, and no links are made: nothing can be written through one.
        let left = self.most_bytes - self.unpacked.bytes;
        let written = io::copy(&mut content.take(left.saturating_add(1)), &mut File::create(place)?)?;
        if written > left {
            return Err(UnpackError::TooLarge { limit: format!("{} bytes", self.most_bytes) });
        }
        self.unpacked.files += 1;
        self.unpacked.bytes += written;
        Ok(())
    }
}

/// Unpacks an archive into `folder`, which should be new: after an error it holds a part. A single folder that holds
/// everything else is left out of the paths. At most `most_bytes` are written ([`MOST_UNPACKED_BYTES`]).
///
/// # Errors
/// [`UnpackError`] where a path leads out of the folder, there is too much, or the archive is damaged.
pub fn unpack(
    kind: Archive,
    archive: &Path,
    folder: &Path,
    most_bytes: u64,
) -> Result<Unpacked, UnpackError> {
    fs::create_dir_all(folder)?;
    let mut writer = Writer { folder, most_bytes, unpacked: Unpacked::default() };
    let file = BufReader::new(File::open(archive)?);
    match kind {
        // Both formats may be several compressed streams one after the other.
        Archive::TarBz2 => untar(bzip2::read::MultiBzDecoder::new(file), &mut writer)?,
        Archive::TarGz => untar(flate2::read::MultiGzDecoder::new(file), &mut writer)?,
        Archive::Tar => untar(file, &mut writer)?,
        Archive::Zip => unzip(file, &mut writer)?,
    }
    let unpacked = writer.unpacked;
    hoist(folder)?;
    Ok(unpacked)
}

fn untar(content: impl Read, writer: &mut Writer<'_>) -> Result<(), UnpackError> {
    for entry in tar::Archive::new(content).entries()? {
        let entry = entry?;
        let path = entry.path()?.into_owned();
        let kind = entry.header().entry_type();
        if kind.is_dir() {
            writer.folder(&path)?;
        } else if kind.is_file() {
            writer.file(&path, entry)?;
        } else if !kind.is_pax_global_extensions() {
            writer.unpacked.left_out.push(path.display().to_string());
        }
    }
    Ok(())
}

fn unzip(content: impl Read + io::Seek, writer: &mut Writer<'_>) -> Result<(), UnpackError> {
    let mut archive = zip::ZipArchive::new(content)?;
    for index in 0..archive.len() {
        let entry = archive.by_index(index)?;
        let path = PathBuf::from(entry.name()?.into_owned());
        if entry.is_dir() {
            writer.folder(&path)?;
        } else if entry.is_symlink() {
            writer.unpacked.left_out.push(path.display().to_string());
        } else {
            writer.file(&path, entry)?;
        }
    }
    Ok(())
}

/// Where a folder holds nothing but one folder, that one's content takes its place.
fn hoist(folder: &Path) -> io::Result<()> {
    let entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    let [only] = entries.as_slice() else { return Ok(()) };
    if !only.file_type()?.is_dir() {
        return Ok(());
    }
    // Its own name may be that of something inside it.
    let aside = folder.join(".unpacked");
    fs::rename(only.path(), &aside)?;
    for entry in fs::read_dir(&aside)? {
        let entry = entry?;
        fs::rename(entry.path(), folder.join(entry.file_name()))?;
    }
    fs::remove_dir(aside)
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write;

    use super::*;

    /// A tar archive with these files; a path may be anything, which the `tar` crate's own writer would refuse.
    pub(in super::super) fn tar_of(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, content) in files {
            let mut header = tar::Header::new_ustar();
            header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            header.set_cksum();
            builder.append(&header, *content).unwrap();
        }
        builder.into_inner().unwrap()
    }

    pub(in super::super) fn tar_bz2_of(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        encoder.write_all(&tar_of(files)).unwrap();
        encoder.finish().unwrap()
    }

    fn tar_gz_of(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&tar_of(files)).unwrap();
        encoder.finish().unwrap()
    }

    fn zip_of(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
        for (path, content) in files {
            writer.start_file(*path, zip::write::SimpleFileOptions::default()).unwrap();
            writer.write_all(content).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn unpacked(name: &str, bytes: &[u8], most: u64) -> (tempfile::TempDir, Result<Unpacked, UnpackError>) {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join(name);
        fs::write(&archive, bytes).unwrap();
        let kind = Archive::of(name).unwrap();
        let outcome = unpack(kind, &archive, &folder.path().join("deep/out"), most);
        (folder, outcome)
    }

    #[test]
    fn every_kind_is_unpacked_without_its_outer_folder() {
        let files: [(&str, &[u8]); 3] =
            [("m/model.onnx", b"weights"), ("m/tokens.txt", b"a 0\n"), ("m/m/readme", b"!")];
        for (name, bytes) in [
            ("x.tar", tar_of(&files)),
            ("x.tar.bz2", tar_bz2_of(&files)),
            ("x.tgz", tar_gz_of(&files)),
            ("x.zip", zip_of(&files)),
        ] {
            let (folder, outcome) = unpacked(name, &bytes, MOST_UNPACKED_BYTES);
            assert_eq!(outcome.unwrap(), Unpacked { files: 3, bytes: 12, left_out: Vec::new() }, "{name}");
            let out = folder.path().join("deep/out");
            assert_eq!(fs::read(out.join("model.onnx")).unwrap(), b"weights", "{name}");
            assert_eq!(fs::read(out.join("m/readme")).unwrap(), b"!", "{name}");
        }
    }

    #[test]
    fn paths_that_lead_out_of_the_folder_are_refused() {
        for path in ["../evil", "m/../../evil", "/tmp/drilen-evil", "m/.."] {
            let files: [(&str, &[u8]); 2] = [("m/model.onnx", b"weights"), (path, b"evil")];
            for (name, bytes) in [("x.tar.bz2", tar_bz2_of(&files)), ("x.zip", zip_of(&files))] {
                let (folder, outcome) = unpacked(name, &bytes, MOST_UNPACKED_BYTES);
                assert!(matches!(outcome, Err(UnpackError::Escapes { .. })), "{name} {path}: {outcome:?}");
                assert!(!folder.path().join("evil").exists() && !folder.path().join("deep/evil").exists());
                assert!(!Path::new("/tmp/drilen-evil").exists());
            }
        }
    }

    #[test]
    fn links_are_left_out_and_nothing_is_written_through_them() {
        let outside = tempfile::tempdir().unwrap();
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        header.set_cksum();
        builder.append_link(&mut header, "m/link", outside.path()).unwrap();
        let mut header = tar::Header::new_ustar();
        header.set_size(4);
        header.set_cksum();
        builder.append_data(&mut header, "m/link/evil", &b"evil"[..]).unwrap();
        let (_folder, outcome) = unpacked("x.tar", &builder.into_inner().unwrap(), MOST_UNPACKED_BYTES);
        assert_eq!(outcome.unwrap().left_out, ["m/link"]);
        assert!(!outside.path().join("evil").exists());
    }

    #[test]
    fn an_archive_that_would_fill_the_disk_is_refused() {
        let zeros = vec![0_u8; 1 << 20];
        let files: [(&str, &[u8]); 2] = [("a", &zeros), ("b", &zeros)];
        for (name, bytes) in [("x.tar.bz2", tar_bz2_of(&files)), ("x.zip", zip_of(&files))] {
            let (_folder, outcome) = unpacked(name, &bytes, (1 << 20) + 5);
            assert!(matches!(outcome, Err(UnpackError::TooLarge { .. })), "{name}");
            assert!(unpacked(name, &bytes, 2 << 20).1.is_ok(), "{name}");
        }
    }

    #[test]
    fn a_damaged_archive_is_an_error() {
        let whole = tar_bz2_of(&[("model.onnx", &[7; 5000])]);
        for (name, bytes) in
            [("x.tar.bz2", &whole[..whole.len() / 2]), ("x.zip", &b"PK no"[..]), ("x.tar.gz", &b"no"[..])]
        {
            assert!(unpacked(name, bytes, MOST_UNPACKED_BYTES).1.is_err(), "{name}");
        }
    }
}
