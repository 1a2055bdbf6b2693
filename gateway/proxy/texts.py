"""What the proxy's small pages say, in each language."""

REQUEST_ID = {"zh-Hans": "请求编号", "zh-Hant": "請求編號", "en": "Request"}

# status or word → (title, text, the button's label)
TEXTS: dict[str, dict[int | str, tuple[str, str, str]]] = {
    "zh-Hans": {
        200: ("正在登录", "正在前往微信登录，请稍候。", "继续"),
        400: ("请求无法识别", "请返回上一页重试。", "登录"),
        401: ("请先登录", "登录已失效，请重新登录。您刚才提交的内容没有被处理。", "重新登录"),
        403: ("没有权限", "您的账号不能访问此页面。", "继续"),
        "bind": ("请先绑定账号", "此页面需要绑定账号后才能使用。您刚才提交的内容没有被处理。", "去绑定"),
        404: ("页面不存在", "请检查网址是否正确。", "登录"),
        405: ("不支持的操作", "请返回上一页重试。", "登录"),
        408: ("请求超时", "网络较慢，请重试。", "登录"),
        413: ("内容过大", "您提交的内容超过了允许的大小。", "登录"),
        421: ("域名未配置", "此域名没有配置登录方式，请联系管理员。", "登录"),
        500: ("出错了", "系统出现故障，请稍后重试。", "登录"),
        502: ("服务暂时不可用", "后台系统没有正常响应，请稍后重试。", "登录"),
        503: ("服务繁忙", "请稍后重试。", "登录"),
        504: ("响应超时", "后台系统响应过慢，请稍后重试。", "登录"),
    },
    "zh-Hant": {
        200: ("正在登入", "正在前往微信登入，請稍候。", "繼續"),
        400: ("請求無法辨識", "請返回上一頁重試。", "登入"),
        401: ("請先登入", "登入已失效，請重新登入。您剛才提交的內容沒有被處理。", "重新登入"),
        403: ("沒有權限", "您的帳號不能存取此頁面。", "繼續"),
        "bind": ("請先綁定帳號", "此頁面需要綁定帳號後才能使用。您剛才提交的內容沒有被處理。", "去綁定"),
        404: ("頁面不存在", "請檢查網址是否正確。", "登入"),
        405: ("不支援的操作", "請返回上一頁重試。", "登入"),
        408: ("請求逾時", "網路較慢，請重試。", "登入"),
        413: ("內容過大", "您提交的內容超過了允許的大小。", "登入"),
        421: ("網域未設定", "此網域沒有設定登入方式，請聯絡管理員。", "登入"),
        500: ("出錯了", "系統出現故障，請稍後重試。", "登入"),
        502: ("服務暫時不可用", "後台系統沒有正常回應，請稍後重試。", "登入"),
        503: ("服務繁忙", "請稍後重試。", "登入"),
        504: ("回應逾時", "後台系統回應過慢，請稍後重試。", "登入"),
    },
    "en": {
        200: ("Signing in", "You are being taken to WeChat.", "Continue"),
        400: ("Request not understood", "Please go back and try again.", "Sign in"),
        401: ("Please sign in", "Your sign-in has ended. What you just sent was not processed.", "Sign in again"),
        403: ("No permission", "Your account may not open this page.", "Continue"),
        "bind": (
            "Please link your account",
            "This page needs a linked account. What you just sent was not processed.",
            "Link",
        ),
        404: ("Page not found", "Please check the address.", "Sign in"),
        405: ("Not supported", "Please go back and try again.", "Sign in"),
        408: ("Too slow", "The network is slow. Please try again.", "Sign in"),
        413: ("Too large", "What you sent is larger than allowed.", "Sign in"),
        421: ("Host not configured", "No sign-in is configured for this host. Please tell its operator.", "Sign in"),
        500: ("Something went wrong", "Please try again later.", "Sign in"),
        502: (
            "Service unavailable",
            "The system behind this page did not answer properly. Please try later.",
            "Sign in",
        ),
        503: ("Busy", "Please try again in a moment.", "Sign in"),
        504: ("No answer in time", "The system behind this page is slow. Please try later.", "Sign in"),
    },
}
