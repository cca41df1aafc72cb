"""Refusals of files and uploads; statuses are those of tus 1.0.0 where it names one."""

from fieldops.kernel.errors import Refusal


class UploadGone(Refusal):
    """This upload was not finished in time and is gone."""

    code = "upload_expired"
    status = 410
    advice = "Nothing to do; the app starts the upload again from the beginning."


class OffsetMismatch(Refusal):
    """The upload stands at byte {offset}, not at byte {sent}."""

    code = "upload_offset_mismatch"
    status = 409
    advice = "Nothing to do; the app asks where the upload stands and goes on from there."


class UploadBusy(Refusal):
    """Another request is writing to this upload."""

    code = "upload_busy"
    status = 423
    advice = "Nothing to do; the app tries again in a moment."


class ChecksumMismatch(Refusal):
    """The bytes that arrived do not have the checksum that was promised."""

    code = "checksum_mismatch"
    status = 460
    advice = "Nothing to do; the app sends the bytes again. If it stays, take the photo again."


class UploadTooLarge(Refusal):
    """A file may have at most {limit} bytes."""

    code = "upload_too_large"
    status = 413
    advice = "Take the photo with a smaller resolution."


class UploadTooLong(Refusal):
    """More bytes were sent than the {length} the upload was announced with."""

    code = "upload_too_long"
    status = 413
    advice = "Update the app; if it stays, report its version."


class ContentNotAllowed(Refusal):
    """The content is not one of: {allowed}."""

    code = "content_not_allowed"
    status = 415
    advice = "Send a photo (JPEG, PNG, WebP, HEIC) or a PDF."


class ContentTypeWrong(Refusal):
    """The content was announced as {announced}, but is {found}."""

    code = "content_type_wrong"
    status = 415
    advice = "Take the photo again; if it stays, report the app's version."


class TusVersionWrong(Refusal):
    """This server speaks tus {version}."""

    code = "tus_version_wrong"
    status = 412
    advice = "Update the app."


class UploadHeaderInvalid(Refusal):
    """The header {header} is missing or not well formed: {rule}."""

    code = "upload_header_invalid"
    status = 400
    advice = "Update the app; if it stays, report its version."


class TooManyUploads(Refusal):
    """You have {limit} unfinished uploads; finish or drop some of them first."""

    code = "too_many_uploads"
    status = 429
    advice = "Leave the phone in a good network until its photos are sent."


class UploadQuotaUsed(Refusal):
    """You have begun uploads of {sent} megabytes in 24 hours; {limit} are allowed."""

    code = "upload_quota_used"
    status = 429
    advice = "The app goes on tomorrow; nothing is lost. Ask the administrator for more if needed."


class FileLost(Refusal):
    """The bytes of this file had arrived, but the store does not have them."""

    code = "file_lost"
    status = 404
    advice = "Tell the administrator; a backup of the files may have it."


class FileStoreAway(Refusal):
    """The store of files does not answer."""

    code = "file_store_away"
    status = 503
    advice = "Nothing to do; the app tries again in a moment."


class FileNotStored(Refusal):
    """The bytes of this file have not arrived yet."""

    code = "file_not_arrived"
    status = 404
    advice = "The phone that took it has not sent it yet; look again later."


class FileHasArrived(Refusal):
    """This file has arrived; there is nothing to give up."""

    code = "file_has_arrived"
    status = 409
    advice = "Nothing to do."


class UploadStoodStill(Refusal):
    """Nothing arrived for {seconds} seconds; what had arrived is kept."""

    code = "upload_stood_still"
    status = 408
    advice = "Nothing to do; the app goes on where the upload stands."
