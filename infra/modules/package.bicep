// The code of the app, from a released package: for a place where nobody builds it. Without it the code is published by
// azd, func or az after the deployment.

@description('Name of the app.')
param appName string
@description('Address of the package, a zip with everything that the app needs.')
param packageUri string

resource app 'Microsoft.Web/sites@2025-03-01' existing = {
  name: appName
}

resource package 'Microsoft.Web/sites/extensions@2025-03-01' = {
  parent: app
  name: 'onedeploy'
  // The compiler's type of this resource has no properties; that of Azure has these.
  #disable-next-line BCP187
  properties: {
    packageUri: packageUri
    remoteBuild: false
  }
}
